import { asynchronous } from './callbacks.js';
import { locate } from './pages.js';
import { makeStorage } from './storage.js';

/**
 * The part of `wx` that ordinary mini programs use. Every call is noted by the shell, so that one can see, and a test can ask, what the mini
 * program did: a relay never calls wx.login.
 */
export function makeWx({ shell, pages, gesture, launch }) {
  const wx = {
    ...makeStorage(shell),
    ...navigation(pages),
    ...screen(shell, pages, gesture),
    ...platform(shell, pages, gesture),
    onAppShow: (f) => pages.on('show', f),
    onAppHide: (f) => pages.on('hide', f),
    offAppShow: (f) => pages.off('show', f),
    offAppHide: (f) => pages.off('hide', f),
    getLaunchOptionsSync: () => ({ ...launch }),
    getEnterOptionsSync: () => ({ ...pages.entered() }),
    getAccountInfoSync: () => ({ miniProgram: { appId: shell.app, envVersion: 'develop', version: '' } }),
    getSystemInfoSync: () => ({ platform: 'devtools', SDKVersion: '3.9.0', language: 'zh_CN', windowWidth: innerWidth, windowHeight: innerHeight }),
    nextTick: (f) => queueMicrotask(f),
    canIUse: (name) => name in wx,
  };
  for (const [name, call] of Object.entries(wx)) {
    wx[name] = (...args) => {
      shell.noteCall(name);
      return call(...args);
    };
  }
  return wx;
}

function navigation(pages) {
  const go = (name, f) => asynchronous(name, async (o) => { f(o); });
  return {
    navigateTo: go('navigateTo', (o) => pages.go(o.url)),
    redirectTo: go('redirectTo', (o) => pages.redirect(o.url)),
    reLaunch: go('reLaunch', (o) => pages.reLaunch(o.url)),
    switchTab: go('switchTab', (o) => pages.switchTab(locate(o.url).path)),
    navigateBack: go('navigateBack', (o) => pages.back(o.delta ?? 1)),
  };
}

function screen(shell, pages, gesture) {
  return {
    setNavigationBarTitle: asynchronous('setNavigationBarTitle', async (o) => pages.setTitle(o.title)),
    showToast: asynchronous('showToast', async (o) => shell.toast(o)),
    hideToast: asynchronous('hideToast', async () => shell.toast(null)),
    showLoading: asynchronous('showLoading', async (o) => shell.toast({ title: o.title, icon: 'loading', duration: 60_000 })),
    hideLoading: asynchronous('hideLoading', async () => shell.toast(null)),
    showModal: inGesture(gesture, (o) => shell.modal(o), 'showModal'),
    stopPullDownRefresh: asynchronous('stopPullDownRefresh', async () => {}),
    vibrateShort: asynchronous('vibrateShort', async () => {}),
  };
}

function platform(shell, pages, gesture) {
  return {
    login: asynchronous('login', () => shell.call('POST', 'login', {})),
    request: request(shell),
    requestSubscribeMessage: subscribe(shell, pages, gesture),
    getSetting: asynchronous('getSetting', async (o) => {
      const settings = await shell.call('GET', 'settings');
      return { authSetting: {}, ...(o.withSubscriptions && { subscriptionsSetting: settings.subscriptionsSetting }) };
    }),
    openSetting: asynchronous('openSetting', async (o) => {
      if (!gesture.allowed) throw { errMsg: 'openSetting:fail can only be invoked by user TAP gesture.' };
      await shell.openSettings();
      const settings = await shell.call('GET', 'settings');
      return { authSetting: {}, ...(o.withSubscriptions && { subscriptionsSetting: settings.subscriptionsSetting }) };
    }),
    requestPayment: inGesture(gesture, (o) => shell.pay(o.package), 'requestPayment'),
  };
}

// subscribe is called in a tap's own call stack, one at a time, as the client demands.
function subscribe(shell, pages, gesture) {
  let open = false;
  return (o = {}) => {
    const allowed = gesture.allowed; // in this call stack
    return asynchronous('requestSubscribeMessage', async () => {
      if (!allowed) throw { errMsg: 'requestSubscribeMessage:fail can only be invoked by user TAP gesture.' };
      if (open) throw { errMsg: 'requestSubscribeMessage:fail last call has not ended' };
      if (!pages.inFront) throw { errMsg: 'requestSubscribeMessage:fail Cannot show subscribe message UI', errCode: 10005 };
      open = true;
      try { return await shell.subscribe(o.tmplIds ?? []); } finally { open = false; }
    })(o);
  };
}

// inGesture calls back in a moment that counts as a tap, as the client does behind its own sheets.
function inGesture(gesture, work, name) {
  const call = asynchronous(name, work);
  const wrap = (f) => f && ((res) => gesture.during(() => f(res)));
  return (o = {}) => call({ ...o, success: wrap(o.success), complete: wrap(o.complete) });
}

function request(shell) {
  return (o = {}) => {
    let aborted = false;
    const call = asynchronous('request', async () => {
      const res = await shell.call('POST', 'request', encode(o));
      if (aborted) throw { errMsg: 'request:fail abort' };
      const data = o.dataType === 'text' || res.text === undefined ? res.text : parse(res.text);
      return { data, statusCode: res.statusCode, header: res.header, cookies: res.cookies };
    })(o);
    return call ?? { abort: () => { aborted = true; }, onHeadersReceived() {}, offHeadersReceived() {} };
  };
}

function encode({ url, data, method = 'GET', header = {}, timeout }) {
  const upper = method.toUpperCase();
  const headers = { 'content-type': 'application/json', ...Object.fromEntries(Object.entries(header).map(([k, v]) => [k.toLowerCase(), String(v)])) };
  const sent = { url, method: upper, header: headers, ...(timeout && { timeout }) };
  if (data === undefined) return sent;
  if (typeof data === 'string') return { ...sent, body: data };
  const form = new URLSearchParams(data).toString();
  if (upper === 'GET') return { ...sent, url: `${url}${url.includes('?') ? '&' : '?'}${form}` };
  return { ...sent, body: headers['content-type'].includes('x-www-form-urlencoded') ? form : JSON.stringify(data) };
}

function parse(text) {
  try { return JSON.parse(text); } catch { return text; }
}
