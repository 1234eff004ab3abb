// The shop's own backend, as any mini program has one: a login of its own, and a request function that all pages use.
const { requestTransport, wrapperTransport } = require('minapush-miniprogram');

const host = 'https://shop.minapush.example';

// send makes one request and resolves with what came, whatever its status.
function send(path, method, data, header) {
  return new Promise((resolve, reject) => {
    wx.request({ url: host + path, method, data, header, success: resolve, fail: reject });
  });
}

let session = null;

// login trades a code of wx.login for the shop's own token. It is kept: a user logs in once.
function login() {
  session = session || new Promise((resolve, reject) => {
    wx.login({ success: resolve, fail: reject });
  }).then(({ code }) => send('/login', 'POST', { code })).then((res) => {
    if (res.statusCode !== 200) throw res;
    wx.setStorageSync('shop-token', res.data.token);
    return res.data.token;
  });
  session.catch(() => { session = null; });
  return session;
}

// raw makes a request with the shop's token, and logs in once more if that has become too old.
async function raw(path, method, data) {
  const token = wx.getStorageSync('shop-token') || await login();
  const res = await send(path, method, data, { authorization: `Bearer ${token}` });
  if (res.statusCode !== 401) return res;
  wx.removeStorageSync('shop-token');
  session = null;
  return send(path, method, data, { authorization: `Bearer ${await login()}` });
}

// request is what pages use: the answer's body, or an error with a text for people.
async function request(path, method, data) {
  const res = await raw(path, method || 'GET', data);
  if (res.statusCode >= 400) throw new Error((res.data && res.data.error) || `HTTP ${res.statusCode}`);
  return res.data;
}

// sorry tells the user that the network or the shop did not answer.
const sorry = () => wx.showToast({ title: '网络不好，请稍后再试', icon: 'none' });

// The three ways to say who the user is. A real mini program needs one of them.
const ways = {
  // The shop's backend passes the report on and adds the openid that it knows. No second login, no new request domain.
  relay: () => ({
    mode: 'relay',
    scenes: true,
    transport: wrapperTransport(({ call, method, body }) => raw(call === 'me' ? '/me' : '/push-reports', method, body)),
  }),
  // The shop's backend hands out session tokens; reports go to minapush.
  token: () => ({
    mode: 'token',
    token: () => request('/push-token', 'POST').then((answer) => answer.session_token),
    transport: requestTransport({ wx, baseUrl: host }),
  }),
  // For mini programs without a login of their own.
  login: () => ({ mode: 'login', transport: requestTransport({ wx, baseUrl: host }) }),
};

// Names of the templates, as the shop's operators chose them in WeChat's console.
const templates = {
  Sub_sign_in_reminder_one_time_template_0000: '签到提醒',
  Sub_order_status_one_time_template_00000000: '订单状态通知',
  Sub_goods_arrival_one_time_template_0000000: '到货通知',
};

module.exports = {
  templates,
  request,
  sorry,
  ways: Object.keys(ways),
  way: () => wx.getStorageSync('way') || 'relay',
  useWay: (name) => wx.setStorageSync('way', name),
  reporting: () => ways[module.exports.way()](),
};
