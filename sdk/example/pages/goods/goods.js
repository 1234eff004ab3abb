const { afterPayment, current } = require('minapush-miniprogram');
const shop = require('../../shop');

Page({
  data: { id: '', name: '', yuan: '' },

  async onLoad({ id }) {
    try {
      const { goods } = await shop.request('/goods');
      const one = goods.find((g) => g.id === id) || goods[0];
      this.setData({ id: one.id, name: one.name, yuan: (one.price / 100).toFixed(2) });
    } catch (err) {
      shop.sorry();
    }
  },

  async buy() {
    try {
      const order = await shop.request('/orders', 'POST', { goods: this.data.id });
      wx.requestPayment({
        ...order.payment,
        // WeChat lets a mini program ask here as in a tap: nothing may come before.
        success: () => afterPayment('order').then(() => this.paid(order.id)),
        fail: () => wx.showToast({ title: '没有付款', icon: 'none' }),
      });
    } catch (err) {
      wx.showToast({ title: '下单失败', icon: 'error' });
    }
  },

  async paid(id) {
    try {
      await shop.request(`/orders/${id}/paid`, 'POST');
    } catch (err) {
      shop.sorry(); // the order's page tells how it stands
    }
    current().flush();
    wx.redirectTo({ url: `/pages/order/order?id=${id}` });
  },
});
