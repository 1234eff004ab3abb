import type { Ask, Asked } from './types';
import { current } from './current';

/** What push-form and push-button have in common. They are the same but for their looks. */
export const tapping = {
  properties: {
    /** Name of a scene on the server: its templates are asked for. */
    scene: { type: String, value: '' },
    /** Template ids in the code: they win over the scene's. With templates only there is no form. */
    templates: { type: Array, value: [] as string[] },
    /** Whether the templates are long-term ones. */
    longTerm: { type: Boolean, value: false },
    /** Balance at which the user is not asked any more, for templates. */
    target: { type: Number, value: 1 },
    /** Name of this place in the stock. Defaults to the page's path. */
    source: { type: String, value: '' },
    /** Whether form ids are collected, where a form is rendered at all. */
    form: { type: Boolean, value: true },
    disabled: { type: Boolean, value: false },
  },
  methods: {
    /**
     * The tap, caught on its way up, so that the page hears of it once: after the popup has closed. WeChat counts this very call stack as
     * the user's gesture; nothing may come before ask().
     */
    onTap(this: any, e: any): void {
      const d = this.data;
      if (d.disabled) return;
      const forward = (asked?: Asked) => {
        if (asked) this.triggerEvent('asked', asked);
        const detail = { ...(e && e.detail), dataset: { ...this.dataset, ...(e && e.target && e.target.dataset) } };
        this.triggerEvent('tap', detail, { bubbles: true, composed: true });
      };
      const what: Ask | undefined = d.templates.length
        ? { templates: d.templates, kind: d.longTerm ? 'long_term' : 'one_time', target: d.target }
        : d.scene ? { scene: d.scene } : undefined;
      const reporter = current();
      if (!reporter) console.warn('[minapush] call createReporter before a tap');
      if (!reporter || !what) return forward();
      let popup = false;
      let answer: Promise<Asked> | undefined;
      try {
        popup = reporter.state(what) === 'askable';
        answer = reporter.ask(what, d.source);
      } catch (e) {
        console.error(e); // a fault of ours must not cost the page its tap
      }
      if (popup && answer) {
        answer.then(forward, () => forward());
        return;
      }
      if (answer) answer.then((asked) => this.triggerEvent('asked', asked), () => {});
      forward();
    },
    onSubmit(this: any, e: any): void {
      const reporter = current();
      if (reporter && !this.data.disabled) this.triggerEvent('collected', reporter.collect(e && e.detail && e.detail.formId, this.data.source));
    },
  },
};
