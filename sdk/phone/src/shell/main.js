// The drawn phone: WeChat's own screens around the mini program, which lives in a frame. `window.minapushPhone` is all that the frame knows of
// it, and what tests ask.
import { API } from './api.js';
import { Beside } from './beside.js';
import { Chats } from './chats.js';
import { Program } from './program.js';
import { settingsScreen } from './settings.js';
import { several } from './several.js';
import { askToSubscribe, askToPay, askModal, Toast } from './sheets.js';
import { h } from './dom.js';

const params = new URLSearchParams(location.search);
const api = new API(params.get('app'), params.get('user'));
const users = params.getAll('user');
document.body.classList.toggle('alone', params.has('alone')); // in a frame, without what stands beside it

const screen = h('div', { class: 'screen' });
const clock = h('span', { class: 'clock' });
document.getElementById('phone').append(h('div', { class: 'bezel' }, h('div', { class: 'status' }, clock, h('span', { text: '5G ▮▮▮' })), screen));

const program = new Program(screen, { onClose: () => chats.showList() });
const toast = new Toast(program.view);
const chats = new Chats(screen, api, { onOpen: (to) => program.open(to), onLeave: () => program.leave() });
const beside = new Beside(document.getElementById('beside'), api, { onKill: () => program.kill() });

window.minapushPhone = {
  app: api.app,
  user: api.user,
  /** Names of the wx calls so far, in order. */
  calls: [],
  call: (method, path, body) => api.call(method, path, body),
  formID: async () => {
    try { return (await api.call('POST', 'form-id', {})).form_id; } catch { return 'requestFormId:fail timeout'; }
  },
  subscribe: (ids) => askToSubscribe(screen, api, ids),
  pay: (order) => askToPay(screen, api, order),
  modal: (o) => askModal(screen, o),
  toast: (o) => toast.show(o),
  openSettings: () => settingsScreen(screen, api),
  page: (state) => program.draw(state),
  ready: (miniProgram) => program.ready(miniProgram),
  noteCall(name) { this.calls.push(name); beside.noteCall(name); },
};

if (users.length > 1) several(document.getElementById('phone'), api.app, users, { lang: params.get('lang') ?? navigator.language });
else start().catch((err) => { screen.append(h('p', { class: 'broken', text: err.errMsg ?? String(err) })); });

async function start() {
  const me = await api.call('POST', 'phone', {});
  setClock(me.now);
  beside.draw(me);
  program.onMenu = () => settingsScreen(screen, api);
  await chats.start(me.last, (now) => setClock(now));
  if (params.get('screen') === 'chats') chats.showList();
  else program.open({ path: params.get('path') ?? '', query: {} });
}

// setClock shows the simulator's time, which tests move.
function setClock(now) {
  const ahead = new Date(now) - Date.now();
  const draw = () => { clock.textContent = new Date(Date.now() + ahead).toLocaleTimeString('zh-CN', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' }); };
  draw();
  clearInterval(setClock.timer);
  setClock.timer = setInterval(draw, 10_000);
}
