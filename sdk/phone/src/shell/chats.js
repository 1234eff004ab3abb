import { fill, h } from './dom.js';
import { say } from './words.js';

const time = (text) => new Date(text).toLocaleString('zh-CN', { timeZone: 'Asia/Shanghai', month: 'numeric', day: 'numeric', hour: '2-digit', minute: '2-digit' });

/** WeChat's list of chats, and in it 服务通知 with the messages, which arrive live. */
export class Chats {
  #messages = [];
  #unread = 0;
  #inNotices = false;

  constructor(screen, api, { onOpen, onLeave }) {
    this.api = api;
    Object.assign(this, { onOpen, onLeave });
    this.list = h('section', { class: 'chats', hidden: true });
    this.notices = h('section', { class: 'notices', hidden: true });
    this.banner = h('button', { class: 'banner', hidden: true, onclick: () => { this.onLeave(); this.showNotices(); } });
    screen.append(this.list, this.notices, this.banner);
  }

  /** Fetches what there is and listens for more. onClock is told when the simulator's time was moved. */
  async start(since, onClock) {
    await this.#fetch();
    const events = this.api.events(since);
    events.addEventListener('message', (e) => this.#arrived(JSON.parse(e.data)));
    events.addEventListener('cleared', () => this.#fetch());
    events.addEventListener('clock', (e) => onClock(JSON.parse(e.data).now));
  }

  showList() {
    this.#inNotices = false;
    this.notices.hidden = true;
    this.list.hidden = false;
    this.#draw();
  }

  showNotices() {
    this.#inNotices = true;
    this.banner.hidden = true;
    this.list.hidden = true;
    this.notices.hidden = false;
    this.#draw();
    this.#read();
  }

  hide() {
    this.#inNotices = false;
    this.list.hidden = this.notices.hidden = true;
  }

  async #fetch() {
    const { messages, unread } = await this.api.call('GET', 'chat');
    this.#messages = messages;
    this.#unread = unread;
    this.#draw();
  }

  #arrived(message) {
    if (this.#messages.some((m) => m.id === message.id)) return;
    this.#messages.push(message);
    this.#unread++;
    this.#draw();
    if (this.#inNotices) this.#read();
    else this.#ring(message);
  }

  // ring shows a banner, as the phone does while something else is on the screen.
  #ring(message) {
    fill(this.banner, h('b', { text: say('notices') }), h('span', { text: message.title }));
    this.banner.hidden = false;
    clearTimeout(this.ringing);
    this.ringing = setTimeout(() => { this.banner.hidden = true; }, 6000);
  }

  async #read() {
    const last = this.#messages.at(-1);
    if (!last || this.#unread === 0) return;
    this.#unread = 0; // whoever goes back to the list before the answer sees no badge either
    ({ unread: this.#unread } = await this.api.call('POST', 'read', { through: last.id }));
  }

  #draw() {
    const last = this.#messages.at(-1);
    fill(this.list,
      h('header', { class: 'bar' }, h('span', { class: 'title', text: say('chats') })),
      h('button', { class: 'chat', data: { chat: 'notices' }, onclick: () => this.showNotices() }, h('i', { class: 'icon bell', text: '✉' }),
        h('span', {}, h('b', { text: say('notices') }), h('small', { text: last ? last.title : say('noNotices') })),
        this.#unread > 0 && h('em', { class: 'badge', text: String(this.#unread) })),
      h('button', { class: 'chat', data: { chat: 'program' }, onclick: () => { this.hide(); this.onOpen({}); } }, h('i', { class: 'icon shop', text: '店' }),
        h('span', {}, h('b', { text: '示例小店' }), h('small', { text: this.api.app }))));
    fill(this.notices,
      h('header', { class: 'bar' }, h('button', { class: 'back', 'aria-label': say('back'), text: '‹', onclick: () => this.showList() }),
        h('span', { class: 'title', text: say('notices') })),
      h('div', { class: 'cards' }, this.#messages.length ? this.#messages.map((m) => this.#card(m)) : h('p', { class: 'empty', text: say('noNotices') })));
    const cards = this.notices.querySelector('.cards');
    cards.scrollTop = cards.scrollHeight;
  }

  #card(m) {
    return h('article', { class: 'card', data: { message: m.id } }, h('time', { text: time(m.time) }),
      h('button', { class: 'paper', disabled: !m.path, onclick: () => this.#tap(m) },
        h('span', { class: 'from' }, h('i', { class: 'icon shop', text: '店' }), '示例小店'), h('b', { text: m.title }),
        h('dl', {}, m.values.map((v) => [h('dt', { text: v.label || v.key }), h('dd', { text: v.value })])),
        m.path && h('span', { class: 'enter' }, say('open'), h('span', { text: '›' }))));
  }

  #tap(m) {
    this.hide();
    this.onOpen({ path: m.path, query: m.query, message: m.id });
  }
}
