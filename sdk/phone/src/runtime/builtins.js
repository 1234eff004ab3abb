import { emit } from './gesture.js';

// Tags that only show something.
const plain = { view: {}, text: {}, image: { src: String, mode: String }, label: { for: String }, 'scroll-view': { scrollY: Boolean, scrollX: Boolean } };

/** Defines the client's own components, as far as ordinary pages use them. compile.mjs calls their tags wx-…. */
export function defineBuiltins(space, { shell, wx }) {
  const define = (name, properties, init) => {
    const tag = `wx-${name}`;
    let builder = space.getComponentSpace().define(tag).options({ virtualHost: false })
      .property('hoverClass', String).property('hoverStopPropagation', Boolean);
    for (const [property, type] of Object.entries(properties)) builder = builder.property(property, type);
    if (init) builder = builder.init(({ self, lifetime }) => lifetime('attached', () => init(self, self.getBackendElement())));
    space.getComponentSpace().setGlobalUsingComponent(tag, builder.registerComponent());
  };
  for (const [name, properties] of Object.entries(plain)) {
    define(name, properties, name === 'image' ? (self, node) => drawImage(self, node) : undefined);
  }
  define('form', { reportSubmit: Boolean, reportSubmitTimeout: Number });
  define('button', { formType: String, type: String, size: String, plain: Boolean, disabled: Boolean, loading: Boolean, openType: String },
    (self, node) => initButton(self, node, shell));
  define('input', { name: String, value: String, type: String, placeholder: String, disabled: Boolean, maxlength: Number, focus: Boolean },
    (self, node) => initInput(self, node));
  define('navigator', { url: String, openType: String }, (self) => self.addListener('tap', () => {
    (self.data.openType === 'switchTab' ? wx.switchTab : self.data.openType === 'redirect' ? wx.redirectTo : wx.navigateTo)({ url: self.data.url });
  }));
}

function drawImage(self, node) {
  const image = document.createElement('img');
  image.alt = '';
  image.src = self.data.src;
  node.append(image);
}

// initButton makes a tap on a submit button a submit of its form, with the form id that the platform gives.
function initButton(self, node, shell) {
  for (const name of ['type', 'size']) if (self.data[name]) node.setAttribute(`data-${name}`, self.data[name]);
  node.setAttribute('role', 'button');
  node.setAttribute('tabindex', '0');
  node.addEventListener('keydown', (e) => { if (e.key === 'Enter' || e.key === ' ') node.click(); });
  self.addListener('tap', async () => {
    if (self.data.disabled || self.data.formType !== 'submit') return;
    const form = formOf(self);
    if (!form) return;
    const detail = { value: valuesOf(form), target: self };
    if (form.data.reportSubmit) detail.formId = await shell.formID();
    emit(form, 'submit', detail);
  });
}

function initInput(self, node) {
  const field = document.createElement('input');
  field.value = self.data.value ?? '';
  field.placeholder = self.data.placeholder ?? '';
  field.disabled = self.data.disabled;
  field.addEventListener('input', () => emit(self, 'input', { value: field.value, cursor: field.selectionStart }));
  field.addEventListener('blur', () => emit(self, 'blur', { value: field.value }));
  node.append(field);
}

function formOf(element) {
  for (let at = element.getComposedParent(); at; at = at.getComposedParent()) if (at.is === 'wx-form') return at;
  return null;
}

function valuesOf(form) {
  const values = {};
  for (const field of form.getBackendElement().querySelectorAll('wx-input input')) {
    const owner = field.parentNode.__wxElement;
    if (owner?.data.name) values[owner.data.name] = field.value;
  }
  return values;
}
