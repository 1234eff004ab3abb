const words = {
  chats: ['微信', 'Chats'],
  notices: ['服务通知', 'Service notifications'],
  noNotices: ['还没有消息', 'No messages yet'],
  open: ['进入小程序查看', 'Open mini program'],
  settings: ['设置', 'Settings'],
  subscriptions: ['订阅消息', 'Subscribe messages'],
  mainSwitch: ['接收订阅消息', 'Receive subscribe messages'],
  mainSwitchOff: ['关闭后，所有订阅消息都不会再弹窗询问，也不会送达', 'When off, nothing is asked and nothing arrives'],
  noTemplates: ['还没有订阅过', 'Nothing subscribed yet'],
  ask: ['每次询问', 'Ask each time'],
  accept: ['总是接收', 'Always accept'],
  reject: ['总是拒绝', 'Always refuse'],
  banned: ['已被封禁', 'Banned'],
  wants: ['申请', 'asks to'],
  sendOnce: ['发送一次以下消息', 'send you these messages once'],
  sendLong: ['长期发送以下消息', 'send you these messages from now on'],
  colon: ['：', ': '],
  keep: ['总是保持以上选择，不再询问', 'Always keep this choice, do not ask again'],
  allow: ['允许', 'Allow'],
  cancel: ['取消', 'Cancel'],
  ok: ['确定', 'OK'],
  pay: ['立即支付', 'Pay now'],
  payTo: ['付款给示例小店', 'Pay to the example shop'],
  close: ['关闭小程序', 'Close the mini program'],
  menu: ['更多', 'More'],
  back: ['返回', 'Back'],
  home: ['回到首页', 'Home'],
  you: ['这台手机', 'This phone'],
  others: ['别的手机', 'Other phones'],
  add: ['打开', 'Open'],
  userName: ['用户名', 'user name'],
  device: ['设备', 'Device'],
  offline: ['断网', 'Offline'],
  inbox: ['收件箱（全部用户）', 'Inbox (all users)'],
  calls: ['小程序调用的 wx 接口', 'wx calls of the mini program'],
  kill: ['杀掉小程序', 'Kill the mini program'],
  notReal: ['这是模拟器，不是微信。框架是微信的 glass-easel；双线程、原生组件样式、基础库版本不在模拟之列。',
    'A simulator, not WeChat. The framework is WeChat’s glass-easel; two threads, native styles and library versions are not imitated.'],
  phone: ['真机', 'phone'], devtools: ['开发者工具', 'developer tools'], trial: ['体验版', 'trial version'], timeout: ['超时', 'timeout'],
  deprecated: ['已废弃', 'deprecated'], old: ['旧版微信', 'old WeChat'], undefined: ['undefined', 'undefined'],
};

const lang = new URLSearchParams(location.search).get('lang') ?? navigator.language;
const column = lang.startsWith('zh') ? 0 : 1;
document.documentElement.lang = column === 0 ? 'zh-CN' : 'en';

/** What a person reads, in the browser's language. */
export const say = (name) => words[name]?.[column] ?? name;
