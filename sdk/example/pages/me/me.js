const { current } = require('minapush-miniprogram');
const shop = require('../../shop');

Page({
  data: { balance: [], ways: shop.ways, way: shop.way() },

  async onShow() {
    try {
      const me = await shop.request('/me');
      this.setData({ balance: me.balance.map((b) => ({ name: shop.templates[b.template] || b.template || '模板消息', count: b.available })) });
    } catch (err) {
      shop.sorry();
    }
  },

  choose(e) {
    shop.useWay(e.currentTarget.dataset.way);
    this.setData({ way: shop.way() });
  },

  settings() {
    current().openSettings();
  },
});
