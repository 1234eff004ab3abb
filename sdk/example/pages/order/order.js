const shop = require('../../shop');

Page({
  data: { id: '', name: '', yuan: '', paid: false },

  async onLoad({ id }) {
    try {
      const order = await shop.request(`/orders/${id}`);
      this.setData({ id, name: order.name, yuan: (order.price / 100).toFixed(2), paid: order.paid });
    } catch (err) {
      shop.sorry();
    }
  },
});
