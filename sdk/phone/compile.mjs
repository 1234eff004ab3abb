// Compiles a mini program, as it stands in its folder, to one JavaScript expression: templates by WeChat's own compiler, modules as functions,
// styles scoped as the client scopes them.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';

// The client's own tags are called wx-… here, as WeChat calls them itself: the browser has a button and a form of its own.
const builtin = 'view|text|image|label|scroll-view|form|button|input|navigator';
const renameTags = (wxml) => wxml.replace(new RegExp(`<(/?)(${builtin})(?=[\\s/>])`, 'g'), '<$1wx-$2');
const renameSelectors = (css) => css.replace(new RegExp(`(^|[\\s,>+~}])(${builtin})(?=[^{}:;]*\\{)`, 'g'), '$1wx-$2');

const { TmplGroup } = createRequire(import.meta.url)('glass-easel-template-compiler');

/**
 * @param {{root: string, packages: Record<string, string>}} from the mini program's folder, and npm packages with the folder that
 *   "Build npm" would copy
 * @returns {string} an expression: {app, pages, components, modules, groupList}
 */
export function compile({ root, packages }) {
  const sources = [...walk(root).filter((f) => !f.rel.startsWith('node_modules/') && !f.rel.startsWith('miniprogram_npm/'))];
  for (const [name, dir] of Object.entries(packages)) {
    sources.push(...walk(dir).map((f) => ({ ...f, rel: `miniprogram_npm/${name}/${f.rel}` })));
  }
  sources.sort((a, b) => (a.rel < b.rel ? -1 : 1));
  const text = new Map(sources.map((f) => [f.rel, f.file]));
  const read = (rel) => (text.has(rel) ? fs.readFileSync(text.get(rel), 'utf8') : '');
  const app = JSON.parse(read('app.json'));
  const names = sources.map((f) => f.rel).filter((f) => f.endsWith('.wxml')).map((f) => f.slice(0, -5));
  const pages = new Set(app.pages);

  const templates = new TmplGroup();
  for (const name of names) {
    const problems = templates.addTmpl(name, renameTags(read(`${name}.wxml`))) ?? [];
    if (problems.length) throw new Error(`${name}.wxml: ${JSON.stringify(problems)}`);
  }
  const components = names.map((name, i) => {
    const json = JSON.parse(read(`${name}.json`) || '{}');
    const using = Object.entries({ ...app.usingComponents, ...json.usingComponents }).map(([tag, to]) => [tag, resolve(name, to, names)]);
    const scope = pages.has(name) ? '' : `c${i}`;
    const css = pages.has(name) ? pageStyle(name, read(`${name}.wxss`)) : componentStyle(scope, read(`${name}.wxss`));
    return [name, { json: { ...json, usingComponents: Object.fromEntries(using) }, scope, css }];
  });
  const modules = sources.map((f) => f.rel).filter((f) => f.endsWith('.js')).map((f) => `${JSON.stringify(f.slice(0, -3))}:` +
    `function(module,exports,require,Component,Page,Behavior,App,getApp,getCurrentPages,wx){${read(f)}\n}`);
  return `{app:${JSON.stringify({ json: app, css: pageless(read('app.wxss')) })},components:${JSON.stringify(Object.fromEntries(components))},` +
    `packages:${JSON.stringify(Object.keys(packages))},modules:{${modules.join(',\n')}},groupList:${templates.getTmplGenObjectGroups()}}`;
}

function walk(dir, prefix = '') {
  return fs.readdirSync(dir, { withFileTypes: true }).flatMap((f) => {
    const rel = prefix + f.name;
    return f.isDirectory() ? walk(path.join(dir, f.name), `${rel}/`) : [{ rel, file: path.join(dir, f.name) }];
  });
}

// resolve finds a component as the client does: absolute, relative, then in an npm package; a folder means its index.
function resolve(from, to, names) {
  const base = to.startsWith('/') ? to.slice(1) : path.posix.join(path.posix.dirname(from), to);
  for (const at of [base, `${base}/index`, `miniprogram_npm/${to}`, `miniprogram_npm/${to}/index`]) {
    if (names.includes(at)) return `/${at}`;
  }
  throw new Error(`${from}.json: there is no component ${to}`);
}

const rpx = (css) => renameSelectors(css).replace(/(-?[\d.]+)rpx/g, (_, n) => `calc(${n} * 100vw / 750)`);

const pageless = (css) => rpx(css).replace(/(^|[\s,}])page(?=[\s,{])/g, '$1body');

// pageStyle keeps a page's rules to that page: here all pages are one document.
function pageStyle(name, css) {
  return css ? `[data-page="${name}"]{${rpx(css).replace(/(^|[\s,}])page(?=[\s,{])/g, '$1&')}}` : '';
}

// componentStyle gives each class the name that the framework gives it in this component.
function componentStyle(scope, css) {
  return rpx(css).replace(/\.([a-zA-Z_][\w-]*)(?=[^{}]*\{)/g, `.${scope}--$1`);
}
