/** A run of this many fallbacks is worth a look: one warning, until the first choice answers again. */
const RUN = 3;

/** Watches the calls of one client. Gives what makes a listener for the end of each call. */
export function warner() {
  let run = 0;
  return (onFallback) => (report, error) => {
    if (error) return;
    if (!report.fallback) {
      run = 0;
      return;
    }
    const [first] = report.attempts;
    const cause = first?.failure;
    onFallback?.({ requested: first?.models?.[0], model: report.model, cause, attempts: report.attempts });
    if (++run === RUN) console.warn(`failsoft: ${RUN} calls in a row were answered by a fallback; ${because(report, cause)}`);
  };
}

function because(report, cause) {
  if (cause) return `the first choice failed with ${cause.kind}: ${cause.message}`;
  const [dropped] = report.dropped ?? [];
  return dropped ? `${dropped.model} was left out: ${dropped.reason}` : 'OpenRouter fell back by itself';
}
