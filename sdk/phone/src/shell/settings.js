import { fill, h, sheet } from './dom.js';
import { say } from './words.js';

/** WeChat's settings page of the mini program: the main switch, and the choice for each template. Resolves when it is left. */
export async function settingsScreen(screen, api) {
  const now = await api.call('GET', 'settings');
  return sheet(screen, 'full', (close) => {
    const body = h('div', { class: 'settings' });
    const change = async (what) => draw(await api.call('PUT', 'settings', what));
    const draw = (settings) => fill(body,
      h('header', { class: 'bar' }, h('button', { class: 'back', 'aria-label': say('back'), text: '‹', onclick: () => close() }),
        h('span', { class: 'title', text: say('subscriptions') })),
      h('label', { class: 'line' }, say('mainSwitch'),
        h('input', { type: 'checkbox', class: 'switch', checked: settings.main_switch, data: { setting: 'main' }, onchange: (e) => change({ main_switch: e.target.checked }) })),
      h('p', { class: 'hint', text: say('mainSwitchOff') }),
      settings.templates.length === 0 && h('p', { class: 'empty', text: say('noTemplates') }),
      settings.templates.map((t) => h('label', { class: 'line' }, h('span', { class: 'name', text: t.title || t.template_id }),
        t.banned ? h('small', { text: say('banned') }) : h('select', {
          data: { template: t.template_id }, disabled: !settings.main_switch, onchange: (e) => change({ templates: { [t.template_id]: e.target.value } }),
        }, ['ask', 'accept', 'reject'].map((c) => h('option', { value: c, selected: t.choice === c, text: say(c) }))))));
    draw(now);
    return body;
  });
}
