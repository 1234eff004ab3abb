import { asynchronous } from './callbacks.js';

/** Storage of one user in one mini program: it outlives the frame, as the client's outlives the mini program. */
export function makeStorage(shell) {
  const prefix = `minapush-phone/${shell.app}/${shell.user}/`;
  const get = (key) => {
    const text = localStorage.getItem(prefix + key);
    return text === null ? '' : JSON.parse(text);
  };
  const set = (key, data) => localStorage.setItem(prefix + key, JSON.stringify(data));
  const remove = (key) => localStorage.removeItem(prefix + key);
  const keys = () => Object.keys(localStorage).filter((k) => k.startsWith(prefix)).map((k) => k.slice(prefix.length));
  return {
    getStorageSync: get,
    setStorageSync: set,
    removeStorageSync: remove,
    clearStorageSync: () => keys().forEach(remove),
    getStorageInfoSync: () => ({ keys: keys(), currentSize: 0, limitSize: 10240 }),
    getStorage: asynchronous('getStorage', async (o) => {
      if (!keys().includes(o.key)) throw new Error('data not found');
      return { data: get(o.key) };
    }),
    setStorage: asynchronous('setStorage', async (o) => set(o.key, o.data)),
    removeStorage: asynchronous('removeStorage', async (o) => remove(o.key)),
  };
}
