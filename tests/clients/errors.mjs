// How clients name an error with a status, where several of them do so alike.

const CLASSES = { 400: 'BadRequestError', 401: 'AuthenticationError', 403: 'PermissionDeniedError', 404: 'NotFoundError', 429: 'RateLimitError' };

const classes = (more) => ({
  read: (error) => [error.constructor.name, error.status],
  of: (status) => [{ ...CLASSES, ...more }[status] ?? 'InternalServerError', status],
});

/** What the SDKs of OpenAI throw: `read` names an error, and `of` a status, both as the same list. */
export const OPENAI_ERRORS = classes();
/** The same for the SDKs of Anthropic. */
export const ANTHROPIC_ERRORS = classes({ 503: 'ServiceUnavailableError' });
