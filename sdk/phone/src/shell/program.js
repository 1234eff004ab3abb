import { h } from './dom.js';
import { say } from './words.js';

/** The mini program on the screen: its bars, drawn by the client, and its frame. */
export class Program {
  #frame = null;
  #inside = null; // what the frame offers once it runs
  #state = { title: '', depth: 1, tabs: [], window: {} };

  constructor(screen, { onClose }) {
    this.onClose = onClose;
    this.onMenu = () => {};
    this.title = h('span', { class: 'title' });
    this.backButton = h('button', { class: 'back', 'aria-label': say('back'), text: '‹', onclick: () => this.#inside?.back() });
    this.homeButton = h('button', { class: 'back home', 'aria-label': say('home'), text: '⌂', onclick: () => this.#inside?.home() });
    this.bar = h('header', { class: 'bar' }, this.backButton, this.homeButton, this.title, h('span', { class: 'capsule' },
      h('button', { class: 'menu', 'aria-label': say('menu'), text: '•••', onclick: () => this.onMenu() }),
      h('button', { class: 'close', 'aria-label': say('close'), text: '◉', onclick: () => this.close() })));
    this.screen = screen;
    this.place = h('div', { class: 'frame' });
    this.tabs = h('nav', { class: 'tabs' });
    this.view = h('section', { class: 'program', hidden: true }, this.bar, this.place, this.tabs);
    screen.append(this.view);
  }

  /** Brings the mini program to the front, starting it if need be; to names a page: {path, query, message}. */
  open(to = {}) {
    this.view.hidden = false;
    if (this.#inside) {
      this.#inside.show(to);
      return;
    }
    this.#frame?.remove();
    const search = new URLSearchParams({ launch: JSON.stringify(to) });
    this.#frame = h('iframe', { src: `miniprogram.html?${search}`, title: 'mini program' });
    this.place.append(this.#frame);
  }

  ready(inside) { this.#inside = inside; }

  /** Leaves it in the background. */
  leave() {
    if (this.view.hidden) return;
    this.view.hidden = true;
    this.#inside?.hide();
  }

  close() {
    this.leave();
    this.onClose();
  }

  /** Ends it as the system does: without a word, and it starts anew. */
  kill() {
    this.#inside = null;
    for (const sheet of this.screen.querySelectorAll('.layer')) sheet.remove(); // what it had open dies with it
    this.#frame?.remove();
    this.#frame = null;
    if (!this.view.hidden) this.open();
  }

  draw(state) {
    this.#state = state;
    const colour = state.window.navigationBarBackgroundColor ?? '#ededed';
    const style = state.window.navigationBarTextStyle ?? 'black';
    this.bar.style.background = colour;
    this.bar.dataset.text = style;
    this.title.textContent = state.title;
    const tab = state.tabs.find((t) => t.pagePath === state.path);
    this.backButton.hidden = state.depth < 2;
    this.homeButton.hidden = state.depth > 1 || state.home === state.path || Boolean(tab); // entered at a page that is not the first
    this.tabs.hidden = !tab;
    this.tabs.replaceChildren(...state.tabs.map((t) => h('button', {
      class: t === tab ? 'tab here' : 'tab', text: t.text, 'aria-current': t === tab ? 'page' : undefined, onclick: () => this.#inside?.switchTab(t.pagePath),
    })));
  }
}
