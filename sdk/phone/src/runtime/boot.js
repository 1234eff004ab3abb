// The mini program's side of the phone: runs the compiled mini program on glass-easel, WeChat's component framework, with the parts of `wx`
// that an ordinary one uses. It lives in a frame of its own; reloading the frame kills it as the system kills a mini program.
import { glassEasel, MiniProgramEnv } from 'glass-easel-miniprogram-adapter';
import { defineBuiltins } from './builtins.js';
import { Gesture, listenForTaps } from './gesture.js';
import { loader } from './modules.js';
import { Pages } from './pages.js';
import { makeWx } from './wx.js';

/** @param {{app: object, components: object, packages: string[], modules: object, groupList: object}} program what compile.mjs made */
export function boot(program) {
  const shell = window.parent.minapushPhone;
  const launch = JSON.parse(new URLSearchParams(location.search).get('launch') || '{}');
  glassEasel.globalOptions.writeIdToDOM = true; // so that a test finds elements by the ids in WXML
  const env = new MiniProgramEnv();
  const space = env.createCodeSpace('', true);
  const gesture = new Gesture();
  addStyles(program);

  const pages = new Pages({ program, env, space, shell });
  const wx = makeWx({ shell, pages, gesture, launch: pages.options(launch) });
  defineBuiltins(space, { shell, wx });
  const load = loader(program, { wx, pages });
  for (const [name, one] of Object.entries(program.components)) {
    space.addComponentStaticConfig(name, one.json);
    space.addCompiledTemplate(name, { groupList: program.groupList, content: program.groupList[name] });
    space.addStyleSheet(name, undefined, one.scope);
  }
  load('app');
  for (const name of Object.keys(program.components)) space.componentEnv(name, (api) => load(name, api));

  listenForTaps(gesture);
  // The shell talks to the mini program by this object only.
  window.miniProgram = {
    show: (options) => pages.show(options),
    hide: () => pages.hide(),
    back: () => pages.back(1),
    home: () => pages.reLaunch(`/${program.app.json.pages[0]}`),
    switchTab: (path) => pages.switchTab(path),
  };
  pages.launch(launch);
  shell.ready(window.miniProgram);
}

function addStyles(program) {
  const style = document.createElement('style');
  style.textContent = [program.app.css, ...Object.values(program.components).map((c) => c.css)].join('\n');
  document.head.append(style);
}
