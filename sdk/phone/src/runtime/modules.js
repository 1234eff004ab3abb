/**
 * Loads the mini program's modules as the client does: each once, with its own require.
 *
 * @returns {(name: string, api?: object) => any} loads a module; api is what a component's file sees beside it
 */
export function loader(program, { wx, pages }) {
  const loaded = new Map();
  const nothing = () => { throw new Error('Component and Page belong into the file of a component or page'); };
  return function load(name, api) {
    const had = loaded.get(name);
    if (had) return had.exports;
    const run = program.modules[name];
    if (!run) throw new Error(`there is no module ${name}`);
    const module = { exports: {} };
    loaded.set(name, module);
    const require = (to) => load(find(program, name, to), api);
    run(module, module.exports, require, api?.Component ?? nothing, api?.Page ?? nothing, api?.Behavior ?? nothing,
      (app) => pages.defineApp(app), () => pages.app, () => pages.current(), wx);
    return module.exports;
  };
}

// find resolves what require was asked for: relative, absolute, then npm packages.
function find(program, from, to) {
  const bare = new URL(to, `x:/${from}`).pathname.slice(1).replace(/\.js$/, '');
  for (const name of [bare, `${bare}/index`, `miniprogram_npm/${to}`, `miniprogram_npm/${to}/index`]) {
    if (program.modules[name]) return name;
  }
  throw new Error(`${from}.js: there is no module ${to}`);
}
