import { h, sheet } from './dom.js';
import { say } from './words.js';

/** wx.requestSubscribeMessage: the popup, if the user's earlier choices leave something to ask. */
export async function askToSubscribe(screen, api, ids) {
  const first = await api.call('POST', 'subscribe', { template_ids: ids });
  if (!first.popup) return first.result;
  const { id, rows } = first.popup;
  const choice = await sheet(screen, 'bottom', (close) => popup(rows, close));
  const { result } = await api.call('POST', 'subscribe/answer', { popup: id, answers: choice.answers, keep: choice.keep });
  return result;
}

function popup(rows, close) {
  const boxes = new Map(rows.map((row) => [row.template_id, h('input', { type: 'checkbox', checked: true, 'aria-label': row.title || row.template_id })]));
  const keep = h('input', { type: 'checkbox' });
  const answers = () => Object.fromEntries([...boxes].map(([id, box]) => [id, box.checked ? 'accept' : 'reject']));
  return h('div', { class: 'subscribe' },
    h('p', { class: 'who' }, h('i', { class: 'icon shop', text: '店' }), `示例小店 ${say('wants')}`),
    h('h2', { text: rows[0].kind === 'long_term' ? say('sendLong') : say('sendOnce') }),
    rows.map((row) => h('label', { class: 'row', data: { template: row.template_id } },
      h('span', {}, h('b', { text: row.title || row.template_id }), row.values.map((v) => h('small', { text: `${v.label || v.key}${say('colon')}${v.value}` }))), boxes.get(row.template_id))),
    h('label', { class: 'keep' }, keep, say('keep')),
    h('div', { class: 'choice' },
      h('button', { class: 'no', text: say('cancel'), onclick: () => close({ answers: keep.checked ? Object.fromEntries([...boxes.keys()].map((id) => [id, 'reject'])) : {}, keep: keep.checked }) }),
      h('button', { class: 'yes', text: say('allow'), onclick: () => close({ answers: answers(), keep: keep.checked }) })));
}

/** wx.requestPayment: the sheet with the amount. */
export async function askToPay(screen, api, order) {
  const found = await api.call('GET', 'order', undefined, { package: order }).catch(() => null);
  if (!found) throw { errMsg: 'requestPayment:fail no such order' };
  const paid = await sheet(screen, 'bottom', (close) => h('div', { class: 'pay' },
    h('button', { class: 'no', 'aria-label': say('cancel'), text: '×', onclick: () => close(false) }),
    h('p', { text: say('payTo') }), h('strong', { text: `¥${(found.total / 100).toFixed(2)}` }), h('p', { class: 'what', text: found.description }),
    h('button', { class: 'yes', text: say('pay'), onclick: () => close(true) })));
  if (!paid) throw { errMsg: 'requestPayment:fail cancel' };
  return api.call('POST', 'pay', { package: order });
}

/** wx.showModal. */
export async function askModal(screen, { title, content, showCancel = true, confirmText, cancelText }) {
  const confirm = await sheet(screen, 'middle', (close) => h('div', { class: 'modal' },
    title && h('h2', { text: title }), content && h('p', { text: content }),
    h('div', { class: 'choice' },
      showCancel && h('button', { class: 'no', text: cancelText ?? say('cancel'), onclick: () => close(false) }),
      h('button', { class: 'yes', text: confirmText ?? say('ok'), onclick: () => close(true) }))));
  return { confirm, cancel: !confirm };
}

/** wx.showToast. */
export class Toast {
  constructor(screen) {
    this.element = h('div', { class: 'toast', role: 'status', hidden: true });
    screen.append(this.element);
  }

  /** Shows {title, icon, duration}, or hides what is shown (null). */
  show(o) {
    clearTimeout(this.timer);
    this.element.hidden = !o;
    if (!o) return;
    const icons = { success: '✓', error: '✕', loading: '…', none: '' };
    this.element.replaceChildren(...[icons[o.icon ?? 'success'], o.title].filter(Boolean).map((text) => h('span', { text })));
    this.timer = setTimeout(() => { this.element.hidden = true; }, o.duration ?? 1500);
  }
}
