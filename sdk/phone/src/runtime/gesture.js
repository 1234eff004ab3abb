import { glassEasel } from 'glass-easel-miniprogram-adapter';

/** Knows whether code runs in the call stack of a tap, or of another moment at which WeChat lets a mini program ask. */
export class Gesture {
  #depth = 0;

  /** Whether wx.requestSubscribeMessage may be called now. */
  get allowed() { return this.#depth > 0; }

  /** Runs f in the call stack of a gesture. */
  during(f) {
    this.#depth++;
    try { return f(); } finally { this.#depth--; }
  }
}

/** Turns clicks into taps: on the innermost element of the framework, bubbling as the client's. */
export function listenForTaps(gesture) {
  document.addEventListener('click', (e) => {
    let node = e.target;
    while (node && !node.__wxElement) node = node.parentNode;
    if (!node) return;
    const at = { x: e.clientX, y: e.clientY };
    gesture.during(() => emit(node.__wxElement, 'tap', at, true));
  });
}

/** Dispatches an event of the framework. */
export function emit(element, name, detail, bubbles = false) {
  element.dispatchEvent(new glassEasel.Event(name, detail, { bubbles, composed: bubbles }));
}
