import { fill, h } from './dom.js';
import { say } from './words.js';

const devices = ['phone', 'devtools', 'trial', 'timeout', 'deprecated', 'old', 'undefined'];

/** What stands beside the phone: who it is, what can go wrong with it, and what the mini program called. */
export class Beside {
  constructor(place, api, { onKill }) {
    this.api = api;
    this.log = h('ol', { class: 'calls', reversed: true });
    this.place = place;
    this.onKill = onKill;
    this.count = 0;
  }

  async draw(me) {
    const change = (what) => this.api.call('PUT', 'settings', what);
    const link = (user) => `?${new URLSearchParams({ app: this.api.app, user })}`;
    const name = h('input', { placeholder: say('userName'), 'aria-label': say('userName'), maxlength: 32 });
    fill(this.place,
      h('h1', { text: say('you') }),
      h('dl', {}, h('dt', { text: 'user' }), h('dd', { text: me.user }), h('dt', { text: 'openid' }), h('dd', {}, h('code', { text: me.openid })),
        h('dt', { text: 'app' }), h('dd', {}, h('code', { text: me.app }))),
      h('label', { class: 'line' }, say('device'),
        h('select', { data: { setting: 'device' }, onchange: (e) => change({ device: e.target.value }) },
          devices.map((d) => h('option', { value: d, selected: d === me.device, text: say(d) })))),
      h('label', { class: 'line' }, say('offline'),
        h('input', { type: 'checkbox', data: { setting: 'offline' }, checked: me.offline, onchange: (e) => change({ offline: e.target.checked }) })),
      h('button', { data: { do: 'kill' }, text: say('kill'), onclick: () => this.onKill() }),
      h('form', { class: 'line', onsubmit: (e) => { e.preventDefault(); if (name.value) window.open(link(name.value), '_blank'); } },
        say('others'), name, h('button', { text: say('add') })),
      h('p', {}, h('a', { href: 'inbox', text: say('inbox') })),
      h('h2', { text: say('calls') }), this.log, h('p', { class: 'hint', text: say('notReal') }));
  }

  noteCall(name) {
    if (name.startsWith('getStorage') || name.startsWith('setStorage')) return; // too many to read
    this.log.prepend(h('li', { text: `wx.${name}` })); // the latest on top, numbered from the first
    this.log.start = ++this.count;
    while (this.log.children.length > 50) this.log.lastChild.remove();
  }
}
