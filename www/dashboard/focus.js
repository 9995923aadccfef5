// The focus of the keyboard stays where it is while new figures take the place of old ones.

const FOCUSABLE = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';

/** The parts of `region` with this name, which several may have; `region` itself where there is no name. */
const partsOf = (region, name) => (name === undefined ? [region] : [...region.querySelectorAll('[data-part]')].filter(({ dataset }) => dataset.part === name));

/** What can have the focus in `part`. */
const placesOf = (part) => [part, ...part.querySelectorAll(FOCUSABLE)].filter((each) => each.matches(FOCUSABLE));

/** Remembers which place in `region` has the focus. The returned function gives the focus to the same place of a new view. */
export function rememberFocus(region) {
  const had = document.activeElement;
  if (!region.contains(had)) return () => {};
  const part = had.closest('[data-part], .region');
  const { part: name } = part.dataset;
  const which = partsOf(region, name).indexOf(part);
  const place = placesOf(part).indexOf(had);
  return () => {
    const again = partsOf(region, name)[which];
    if (again) placesOf(again)[place]?.focus({ preventScroll: true });
  };
}
