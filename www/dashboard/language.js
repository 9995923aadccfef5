// The charts ask for numbers in the language of the browser while they are loaded, and a name that is none would stop the whole page.
// WebKitGTK calls the language "C" where the system has no locale.

try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  Object.defineProperty(navigator, 'language', { value: 'en' });
}
