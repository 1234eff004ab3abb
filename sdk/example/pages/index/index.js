const shop = require('../../shop');

const icons = { 1: '☕', 2: '❀', 3: '☀' };

Page({
  data: { goods: [], problem: '' },

  async onLoad() {
    try {
      const { goods } = await shop.request('/goods');
      this.setData({ goods: goods.map((g) => ({ ...g, icon: icons[g.id] || '▪', yuan: (g.price / 100).toFixed(2) })) });
    } catch (err) {
      this.setData({ problem: '小店暂时打不开，请稍后再试' });
    }
  },

  // The tap's own action: what collects the permit does not change it.
  open(e) {
    wx.navigateTo({ url: `/pages/goods/goods?id=${e.currentTarget.dataset.id}` });
  },
});
