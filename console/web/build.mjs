// Writes console/assets/vendor from the packages of package-lock.json; with --check tells whether what is there is that.
import { readFile, writeFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

const here = import.meta.dirname;
const vendor = join(here, '../assets/vendor');
const modules = join(here, 'node_modules');

const copied = async (path) => (await readFile(join(modules, path), 'utf8')).replace(/\n?\/[/*]# sourceMappingURL=.*?(\*\/)?\s*$/, '\n');

const charts = await build({
  entryPoints: [join(here, 'charts.mjs')], bundle: true, minify: true, format: 'iife', target: 'es2019', legalComments: 'none', write: false,
});

const files = {
  // One file: htmx looks at the page in a task of its own right after it has run, and of an extension that is loaded later it knows nothing.
  'htmx.js': await copied('htmx.org/dist/htmx.min.js') + '\n;\n' + await copied('htmx.org/dist/ext/hx-sse.min.js'),
  'tabler.css': await copied('@tabler/core/dist/css/tabler.min.css'),
  'echarts.js': charts.outputFiles[0].text,
};
const licences = [];
for (const [name, path] of [['htmx 4.0.1', 'htmx.org/LICENSE'], ['Apache ECharts 6.1.0', 'echarts/LICENSE'],
  ['Apache ECharts 6.1.0, NOTICE', 'echarts/NOTICE'], ['zrender 6', 'zrender/LICENSE']]) {
  licences.push(`${name}\n${'='.repeat(name.length)}\n\n${(await readFile(join(modules, path), 'utf8')).trim()}\n`);
}
// Tabler's package has no file with its licence; it is MIT, and its style sheet says so.
files['LICENSES.txt'] = licences.join('\n\n') + '\n\nTabler 1.6.1: MIT, see the head of tabler.css\n';

await mkdir(vendor, { recursive: true });
let stale = 0;
for (const [name, text] of Object.entries(files)) {
  const path = join(vendor, name);
  if (!process.argv.includes('--check')) {
    await writeFile(path, text);
    console.log(`${name} ${Buffer.byteLength(text)}`);
  } else if (await readFile(path, 'utf8').catch(() => '') !== text) {
    console.error(`console/assets/vendor/${name} is not what its package makes: run make console-assets`);
    stale = 1;
  }
}
process.exit(stale);
