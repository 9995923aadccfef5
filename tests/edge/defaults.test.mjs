// The edge with default settings: the table of `cargo xtask faults`.

import { runAtEdge } from '../faults/edge.mjs';
import { testPlace } from '../faults/place.mjs';

testPlace('edge', runAtEdge);
