// Builds the simulator's phone: the example mini program, compiled as WeChat's developer tools would, and the drawn phone around it, into
// sandbox/phone/static, which the Go binary embeds. `node build.mjs --check` only says whether what is there is up to date.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { compile } from './compile.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(here, '../../sandbox/phone/static');
const program = compile({
  root: path.resolve(here, '../example'),
  packages: { 'minapush-miniprogram': path.resolve(here, '../miniprogram_dist') },
});

const files = {
  'miniprogram.js': await bundle(path.join(here, 'src/runtime/boot.js'), program),
  'phone.js': await bundle(path.join(here, 'src/shell/main.js')),
  'phone.css': minifyCSS('src/phone.css'),
  'miniprogram.css': minifyCSS('src/miniprogram.css'),
  'index.html': fs.readFileSync(path.join(here, 'src/index.html')),
  'miniprogram.html': fs.readFileSync(path.join(here, 'src/miniprogram.html')),
};

if (process.argv.includes('--check')) {
  const stale = Object.keys(files).filter((name) => !same(path.join(out, name), files[name]));
  if (stale.length) {
    console.error(`sandbox/phone/static is not what this builds: ${stale.join(', ')}. Run npm run build in sdk/phone.`);
    process.exit(1);
  }
} else {
  fs.mkdirSync(out, { recursive: true });
  for (const [name, data] of Object.entries(files)) {
    fs.writeFileSync(path.join(out, name), data);
    console.log(`${name} ${(data.length / 1024).toFixed(1)} KiB`);
  }
}

function same(file, data) {
  return fs.existsSync(file) && fs.readFileSync(file).equals(Buffer.from(data));
}

async function bundle(entry, source) {
  const result = await esbuild.build({
    bundle: true, format: 'iife', minify: true, write: false, target: 'es2022', logLevel: 'warning', legalComments: 'eof', charset: 'utf8',
    stdin: {
      contents: source ? `import { boot } from ${JSON.stringify('./boot.js')};\nboot(${source});` : `import ${JSON.stringify('./main.js')};`,
      resolveDir: path.dirname(entry),
    },
  });
  return Buffer.from(result.outputFiles[0].contents);
}

function minifyCSS(name) {
  return Buffer.from(esbuild.transformSync(fs.readFileSync(path.join(here, name), 'utf8'), { loader: 'css', minify: true, charset: 'utf8' }).code);
}
