const { createReporter } = require('minapush-miniprogram');
const shop = require('./shop');

const appid = wx.getAccountInfoSync().miniProgram.appId;

// One reporter for the whole mini program. How it says who the user is can be changed on the page 我的.
const reporter = createReporter({ wx, appid, ...shop.reporting(), debug: true });

App({
  minapush: reporter,
});
