import { h } from './dom.js';

/** Several phones side by side: each is a page of its own in a frame. */
export function several(place, app, users, more) {
  document.body.classList.add('several');
  place.replaceChildren(...users.map((user) => h('figure', {},
    h('iframe', { src: `?${new URLSearchParams({ ...more, app, user, alone: '1' })}`, title: user }), h('figcaption', { text: user }))));
}
