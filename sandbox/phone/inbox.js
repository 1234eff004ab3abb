// The inbox without this script is whole; with it new messages appear by themselves, and the button deletes.
'use strict';
(() => {
  const list = () => document.getElementById('list');
  const api = list().dataset.delete;
  let pending = 0;

  async function refresh() {
    pending = 0;
    const answer = await fetch(location.href);
    const next = new DOMParser().parseFromString(await answer.text(), 'text/html').getElementById('list');
    if (!next) return;
    const old = list();
    const known = new Set([...old.querySelectorAll('article')].map((a) => a.id));
    const open = new Set([...old.querySelectorAll('details[open]')].map((d) => d.closest('article').id));
    for (const a of next.querySelectorAll('article')) {
      a.classList.toggle('new', !known.has(a.id));
      if (open.has(a.id)) a.querySelector('details').open = true;
    }
    old.replaceWith(document.adoptNode(next));
    live(true);
  }

  function soon() {
    pending ||= setTimeout(() => refresh().catch(() => live(false)), 200);
  }

  function live(on) {
    const mark = list().querySelector('.live');
    if (mark) mark.hidden = !on;
  }

  const narrow = new URLSearchParams(api.split('?')[1]);
  const stream = new URLSearchParams();
  for (const name of ['app', 'user']) if (narrow.get(name)) stream.set(name, narrow.get(name));
  const events = new EventSource('api/events?' + stream);
  events.addEventListener('open', () => live(true));
  events.addEventListener('error', () => live(false));
  events.addEventListener('message', soon);
  events.addEventListener('cleared', soon);

  document.addEventListener('click', async (e) => {
    const sure = e.target.dataset?.clear;
    if (sure && confirm(sure)) await fetch(api, { method: 'DELETE' });
  });
})();
