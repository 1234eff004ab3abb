import { boot } from './boot.js';

// program.js, which build.mjs makes of a mini program's folder, calls it.
globalThis.bootMiniProgram = boot;
