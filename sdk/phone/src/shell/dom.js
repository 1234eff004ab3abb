/** Makes an element: properties that begin with "on" are listeners, `class`, `text`, `data` and attributes are as they read. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false || value === null) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'class') element.className = value;
    else if (name === 'text') element.textContent = value;
    else if (name === 'data') Object.assign(element.dataset, value);
    else if (name === 'value' || name === 'checked') element[name] = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...kept(children));
  return element;
}

/** Replaces what is in an element. Lists may be nested; undefined, null and false are left out. */
export function fill(element, ...children) {
  element.replaceChildren(...kept(children));
  return element;
}

const kept = (children) => children.flat(Infinity).filter((c) => c !== undefined && c !== null && c !== false);

/** Shows a sheet over the phone's screen until something in it resolves. build gets the function that closes it with a value. */
export function sheet(screen, name, build) {
  return new Promise((resolve) => {
    const layer = h('div', { class: `layer ${name}`, role: 'dialog', 'aria-modal': 'true', tabindex: '-1' });
    const close = (value) => { layer.remove(); resolve(value); };
    layer.append(build(close));
    screen.append(layer);
    layer.focus();
  });
}
