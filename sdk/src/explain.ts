import type { DebugEvent } from './types';

// Sentences for the debug mode, in a file of their own: a release does not carry them.
const WHY: Record<string, string> = {
  empty_code: 'the form has no report-submit, or its value was turned into text',
  mock_code: 'the developer tools give no form ids',
  client_failed: 'WeChat gave no form id (they ended on 2020-01-10)',
  trial_version: 'develop and trial builds get no form ids',
  not_a_form_id: 'WeChat never issued such a code',
  duplicate: 'it is in the queue already',
  expired: 'its 7 days are over',
  too_many: 'more than maxQueue wait; the oldest goes',
  enough: 'the balance has reached the target, or the scene asks no more today',
  coolingDown: 'the user refused a short while ago',
  capped: 'enough silent permits for today',
  rejectedForever: 'the user chose never to be asked; only the settings page changes that',
  blockedByMainSwitch: 'the user switched off all subscribe messages (20004); offer openSettings()',
  banned: 'WeChat banned the template, or the mini program (20005)',
  unknownScene: 'no such scene is known: put it on the server, or wait until GET me has answered',
  unsupported: 'this version of WeChat has no wx.requestSubscribeMessage',
  busy: 'another request is open',
  notATap: "it was not called in the tap's own call stack: no await, timer or callback may come before it",
  background: 'the mini program was not in front (10005); the next tap asks again',
  offline: 'WeChat could not fetch the templates (10002); the next tap asks again',
  uncertain: 'WeChat could not post the choice (10003); it may have counted it',
  invalid: 'the template ids are missing, wrong, of two kinds, or too many',
  user_rejected: 'the user said no: counted, no permit',
  template_banned: 'WeChat banned the template',
  same_title: 'another template of the request has the same title',
  too_old: 'it is older than 7 days',
  switched_off: 'the user switched the template off after this accept',
  events_only: "the app counts subscriptions by WeChat's events alone",
  '0': 'there was no answer',
  '200': "the answer is not minapush's: pass it on unchanged",
  '401': 'the credential was refused',
  '403': 'the session is of another user, or the key lacks the scope report',
  '404': 'there is no such address; in relay mode: set the address of the call, or scenes: false',
  '413': 'the report was too large: smaller ones follow',
  '429': 'too many reports; the server said when to come back',
  '503': 'the server said when to come back',
};

/** A `debug` function that prints whole sentences: `createReporter({ debug: explain, … })`. */
export function explain(e: DebugEvent): void {
  console.log('[minapush] ' + e.what + (e.why ? ': ' + (WHY[e.why] || e.why) : ''), e.data === undefined ? '' : e.data);
}
