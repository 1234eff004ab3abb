import { tapping } from '../tapping';

// <push-button> is WeChat's own button, with permits.
Component({
  externalClasses: ['custom-class'],
  properties: {
    ...tapping.properties,
    type: { type: String, value: 'default' },
    size: { type: String, value: 'default' },
    plain: { type: Boolean, value: false },
    loading: { type: Boolean, value: false },
  },
  methods: tapping.methods,
});
