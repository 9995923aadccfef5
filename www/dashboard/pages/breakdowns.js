// The pages that break all figures down by one column.

import { breakdown } from '../breakdown.js';

export const features = breakdown({
  title: 'Features', by: 'feature', named: 'Feature',
  hints: ['A feature is the part of your app that calls: the header x-feature of a call, or the option feature of the package.'],
});

export const models = breakdown({
  title: 'Models', by: 'model', named: 'Model', ofAttempts: true,
  hints: ['Each request counts at the model that answered it, or at the first model that it asked for. Its cost is that model’s.'],
});

export const upstreams = breakdown({
  title: 'Upstreams', by: 'upstream', named: 'Upstream', ofAttempts: true, filter: null,
  hints: ['The hosts that requests went to.'],
});
