// The page with default settings: the table of `cargo xtask faults`.

import { runInPage } from '../faults/page.mjs';
import { testPlace } from '../faults/place.mjs';

testPlace('page', runInPage);
