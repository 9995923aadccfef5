/**
 * When a call retries, falls back and gives up. Each edge serves the JSON Schema of a policy at `/schema/policy.schema.json`.
 * Times are whole numbers of milliseconds.
 * @throws {ChatError} `invalidRequest`, which names the field that is unknown or out of range.
 */
export interface Policy {
  /**
   * The URL or path of the JSON Schema, for editors. The value has no effect.
   * @default none
   * @example 'https://edge.example.com/schema/policy.schema.json'
   */
  $schema?: string;
  /**
   * The most requests of a call: retries, fallbacks and judges together. From 1 to 32.
   * @default 8
   * @example 4
   */
  attempts?: number;
  /**
   * Four clocks. The first three run for each attempt, `total` runs for the whole call.
   * @default the defaults of its fields
   * @example { firstToken: 8_000, total: 60_000 }
   */
  timeouts?: {
    /**
     * From sending to the response headers, of what is streamed from the upstream. From 1 to 600,000.
     * @default 120000 for a model that thinks, else 30000
     * @example 15_000
     */
    headers?: number;
    /**
     * From sending to the first text, reasoning or tool call. An answer that the upstream sends in one piece has 40 more for
     * each token that it may have (`max_tokens`, else 4,096). From 1 to 600,000.
     * @default 300000 for a model that thinks; 12000 and 1 for every 5 tokens of the prompt while another model could answer;
     * else 60000
     * @example 8_000
     */
    firstToken?: number;
    /**
     * Between two events of a stream. Keep-alive comments are not events. From 1 to 600,000.
     * @default 30000
     * @example 20_000
     */
    idle?: number;
    /**
     * The whole call. From 1 to 3,600,000.
     * @default 600000
     * @example 60_000
     */
    total?: number;
  };
  /**
   * How often the same model is asked again, and how long the call waits before that.
   * @default the defaults of its fields
   * @example { same: 0 }
   */
  retry?: {
    /**
     * The most times that the same model is asked again. From 0 to 10.
     * @default 1
     * @example 0
     */
    same?: number;
    /**
     * The longest wait that a failure may ask for. If a failure asks for more, the next model takes over. From 0 to 60,000.
     * @default 2000
     * @example 5_000
     */
    maxWait?: number;
    /**
     * The longest first random pause. It doubles with each retry of a model. From 0 to 60,000.
     * @default 500
     * @example 200
     */
    base?: number;
    /**
     * The longest random pause of all. From 0 to 60,000.
     * @default 5000
     * @example 2_000
     */
    cap?: number;
  };
  /**
   * After a content filter or a moderation: the next model, or an error.
   * @default 'next'
   * @example 'fail'
   */
  onContentFilter?: 'next' | 'fail';
  /**
   * After an answer without content.
   * @default 'retry'
   * @example 'next'
   */
  empty?: Rule;
  /**
   * After an answer that has reasoning and nothing else. Some models answer like this on purpose.
   * @default 'retry'
   * @example 'accept'
   */
  reasoningOnly?: Rule;
  /**
   * After an answer that declines and does not go on to help, or that has text in the field `refusal`. An apology with an
   * answer behind it is an answer.
   * @default 'next'
   * @example 'accept'
   */
  refusal?: Rule<{
    /**
     * How refusals begin, in lower case and with straight quotes. An empty list stands for the built-in rule for ten
     * languages, which reads the whole answer. At most 100 phrases, of at most 1000 bytes each.
     * @default []
     * @example ['as an ai']
     */
    phrases?: string[];
  }>;
  /**
   * After an answer that is not JSON, although the request asks for JSON.
   * @default 'next'
   * @example { action: 'next', repair: true }
   */
  invalidJson?: Rule<{
    /**
     * Takes JSON out of the text around it. A code fence that is all of the answer is removed without this. Of streams, both
     * apply to those that are held until they are whole.
     * @default false
     * @example true
     */
    repair?: boolean;
  }>;
  /**
   * After JSON that does not match `response_format.json_schema` (OpenAI's strict subset).
   * @default 'next'
   * @example 'retry'
   */
  schemaMismatch?: Rule;
  /**
   * After an answer that reached the output limit.
   * @default 'accept'
   * @example 'next'
   */
  length?: Rule;
  /**
   * After an answer that has fewer than `chars` characters.
   * @default 'next'
   * @example { chars: 40 }
   */
  tooShort?: Rule<{
    /**
     * The fewest characters of an answer; 0 turns the rule off. From 0 to 100,000.
     * @default 0
     * @example 40
     */
    chars?: number;
  }>;
  /**
   * After an answer that contains one of `literals`.
   * @default 'next'
   * @example { literals: ['[TODO]'], action: 'retry' }
   */
  pattern?: Rule<{
    /**
     * Texts that no answer may contain. An empty list turns the rule off. At most 100 texts, of at most 1000 bytes each.
     * @default []
     * @example ['[TODO]']
     */
    literals?: string[];
  }>;
  /**
   * Holds a stream until it has this many characters, so that rules can check its beginning. An error together with `buffer`
   * or `judge`. From 0 to 100,000.
   * @default 0
   * @example 200
   */
  holdChars?: number;
  /**
   * Holds a stream until it is whole, so that every rule can check it.
   * @default false
   * @example true
   */
  buffer?: boolean;
  /**
   * After a stream that breaks after its commit point. `continue`: a model continues the text; where no model can do that, as
   * `restart`. `restart`: a model answers again, and the stream goes on if that answer begins with the same text. `error`:
   * the stream ends with an error. Streams with tool calls or JSON always end with an error.
   * @default 'continue'
   * @example 'restart'
   */
  recover?: 'continue' | 'restart' | 'error';
  /**
   * If the new answer does not begin with the same text, sends the chunk `{object: 'failsoft.restart', choices: []}`, and
   * then the new answer from its beginning. The reader must forget the text so far.
   * @default false
   * @example true
   */
  restartEvent?: boolean;
  /**
   * Asks a second model when the first is slow. The first of the two that answers wins.
   * @default no second model
   * @example { after: 4_000 }
   */
  hedge?: {
    /**
     * Milliseconds without a first token after which the second model is asked, if `maxCostUsd` can pay for both. Must be
     * less than `timeouts.firstToken` and `timeouts.total`. From 1 to 600,000.
     * @example 4_000
     */
    after: number;
  };
  /**
   * Keeps a conversation with the model that answered its last turn, while that model answers. Only an edge does this.
   * @default each turn begins with the first model
   * @example {}
   */
  sticky?: {
    /**
     * For how many seconds after each turn; 0 turns it off. From 0 to 86,400. Without it, as long as the vendor's cache
     * lives: ten minutes for OpenAI's models, an hour for a cache of an hour, else five minutes.
     * @default as long as the cache of the vendor lives
     * @example 600
     */
    seconds?: number;
  };
  /**
   * A model that scores every answer from 0 to 100. Below the threshold the next model answers. If no answer passes, the best
   * one is returned. Streams are held until they are whole. Each score is one of the call's `attempts`.
   * @default no judge
   * @example { model: 'openai/gpt-4o-mini', threshold: 60 }
   */
  judge?: {
    /** The id of the model that scores, on the upstream of the answer. @example 'openai/gpt-4o-mini' */
    model: string;
    /**
     * The lowest score that passes. From 1 to 100.
     * @default 50
     * @example 60
     */
    threshold?: number;
    /**
     * What the judge should look at, in words.
     * @default 'Is it correct, complete and to the point?'
     * @example 'Is it polite, and correct?'
     */
    criteria?: string;
    /**
     * The time for one score. From 1 to 600,000.
     * @default 10000
     * @example 5_000
     */
    timeout?: number;
    /**
     * After an answer below the threshold: the next model, or an error.
     * @default 'next'
     * @example 'fail'
     */
    action?: 'next' | 'fail';
    /**
     * Whether an answer passes that the judge could not score.
     * @default 'accept'
     * @example 'reject'
     */
    onError?: 'accept' | 'reject';
    /**
     * The most that one score may cost in USD, if the price is known. From 0 to 1,000,000.
     * @default no limit
     * @example 0.001
     */
    maxCostUsd?: number;
  };
  /**
   * The most that the call may cost in USD, all attempts and judges together. No request is sent that could exceed the limit,
   * and the output is shortened to fit. An attempt counts as the most that it can cost, until it is refused or reports its
   * cost. So set `max_tokens` too; otherwise, one lost answer leaves nothing for the next model. A model without a known
   * price is left out. From 0 to 1,000,000.
   * @default no limit
   * @example 0.02
   */
  maxCostUsd?: number;
  /**
   * Leaves out models that cost more, in USD for a million tokens.
   * @default no limit
   * @example { completion: 15 }
   */
  maxPrice?: {
    /**
     * The highest price of a million prompt tokens. From 0 to 1,000,000.
     * @default no limit
     * @example 3
     */
    prompt?: number;
    /**
     * The highest price of a million output tokens. From 0 to 1,000,000.
     * @default no limit
     * @example 15
     */
    completion?: number;
  };
  /**
   * Streams from the upstream also for `chat` and `chatWithFallback`, and assembles the completion. So a silent model is
   * noticed early, and an abort stops the bill. If false, a silent model is noticed only after the time that a whole answer
   * may take (`timeouts.firstToken`).
   * @default true
   * @example false
   */
  assemble?: boolean;
  /**
   * When a client leaves out a model that keeps failing, and for how long.
   * @default the defaults of its fields
   * @example { failures: 5 }
   */
  breaker?: {
    /**
     * The failures in a row after which a model is left out; 0 turns breakers off. From 0 to 100.
     * @default 3
     * @example 5
     */
    failures?: number;
    /**
     * Milliseconds until one call asks the model again. From 1 to 3,600,000.
     * @default 20000
     * @example 60_000
     */
    cooldown?: number;
  };
}

/** A rule for answers: its action, or an object with the action and the rule's own fields. */
export type Rule<Fields = unknown> = Soft | ({ action?: Soft } & Fields);

/**
 * What follows after an answer that fails a rule. `retry` asks the same model once more, then the next. `next` asks the next
 * model. `fail` ends the call with an error. `accept` turns the rule off.
 *
 * If no answer passes every rule, the call returns the best one that has content, with `accepted: false` in its report.
 */
export type Soft = 'retry' | 'next' | 'fail' | 'accept';
