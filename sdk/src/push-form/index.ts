import { tapping } from '../tapping';

// <push-form> wraps any tap area and looks like nothing.
Component({
  externalClasses: ['custom-class', 'inner-class'],
  properties: tapping.properties,
  methods: tapping.methods,
});
