const { current } = require('minapush-miniprogram');
const shop = require('../../shop');

Page({
  data: { balance: [], ways: shop.ways, way: shop.way() },

  async onShow() {
    const me = await shop.request('/me');
    this.setData({ balance: me.balance.map((b) => ({ name: b.title || b.template || '任意模板', count: b.available })) });
  },

  choose(e) {
    shop.useWay(e.currentTarget.dataset.way);
    this.setData({ way: shop.way() });
  },

  settings() {
    current().openSettings();
  },
});
