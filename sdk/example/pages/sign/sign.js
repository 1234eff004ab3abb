const { current } = require('minapush-miniprogram');
const shop = require('../../shop');

// What the user reads after a tap. Asking again is up to the next tap; a sign-in never depends on the answer.
const hints = {
  accepted: '明天会提醒你',
  refused: '好的，不提醒',
  blockedByMainSwitch: '你关闭了订阅消息的总开关，可以在设置里打开',
  rejectedForever: '你选择了总是拒绝，可以在设置里更改',
};

Page({
  data: { signedIn: false, streak: 0, hint: '', day: '' },

  onLoad(query) {
    this.setData({ day: query.day || '' });
  },

  async onShow() {
    try {
      const { signed_in, streak } = await shop.request('/sign-in');
      this.setData({ signedIn: signed_in, streak });
    } catch (err) {
      shop.sorry();
    }
  },

  async signIn() {
    try {
      const { streak } = await shop.request('/sign-in', 'POST');
      this.setData({ signedIn: true, streak });
    } catch (err) {
      shop.sorry();
    }
    current().flush();
  },

  asked({ detail }) {
    this.setData({ hint: hints[detail.state] || '' });
    if (detail.state === 'blockedByMainSwitch') {
      wx.showModal({ title: '订阅消息已关闭', content: '打开后才能收到签到提醒', confirmText: '去打开', success: (res) => { if (res.confirm) current().openSettings(); } });
    }
  },
});
