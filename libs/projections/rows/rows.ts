/** Rows as they are written to the tables of `libs/analytics/schema`, by the names of their columns. Positions are decimal strings, absent texts empty. */

interface FactColumns {
  readonly client_id: string;
  readonly customer_id: string;
  readonly session_id: string;
  /** RFC 3339 in UTC with milliseconds. */
  readonly time: string;
  readonly log_position: string;
  readonly event_id: string;
}

interface AnswerColumns {
  readonly campaign_id: string;
  readonly placement_id: string;
  readonly content_id: string;
  readonly segment_id: string;
  readonly rule_id: string;
  readonly group: string;
  readonly decision_id: string;
}

export interface BehaviourRow extends FactColumns, AnswerColumns {
  readonly type: string;
  readonly message_id: string;
  readonly product_id: string;
  readonly url: string;
  readonly referrer: string;
  readonly page_host: string;
  readonly referrer_host: string;
  readonly utm_source: string;
  readonly utm_campaign: string;
  readonly email_given: boolean;
  readonly via: string;
  readonly import_id: string;
  /** Name → JSON text. */
  readonly attributes: Readonly<Record<string, string>>;
  /** JSON text. */
  readonly properties: string;
}

export interface OrderRow extends FactColumns {
  readonly type: string;
  readonly message_id: string;
  readonly order_id: string;
  /** Decimal with four digits; of a refund its size, never negative. */
  readonly amount: string;
  readonly currency: string;
  readonly coupon: string;
  readonly items: number;
}

export interface OrderItemRow extends FactColumns {
  readonly item: number;
  readonly type: string;
  readonly order_id: string;
  readonly product_id: string;
  readonly quantity: string;
  readonly price: string;
  readonly currency: string;
  readonly properties: string;
}

export interface ServedRow extends FactColumns, AnswerColumns {
  readonly reason: string;
  readonly playbook: string;
  readonly audience: string;
  readonly sample_rate: number;
  readonly form: string;
  readonly url: string;
  readonly referrer: string;
  readonly device: string;
  readonly browser: string;
  readonly country: string;
  readonly context: Readonly<Record<string, string>>;
}

export interface ClientRow {
  readonly client_id: string;
  readonly log_position: string;
  readonly event_id: string;
  readonly name: string | null;
  readonly time_zone: string | null;
  readonly currency: string | null;
  readonly origins: readonly string[];
  readonly origin_hosts: readonly string[];
  readonly origins_given: boolean;
}

export interface MessageRow {
  readonly client_id: string;
  readonly key: string;
  readonly log_position: string;
  readonly import_id: string;
}

export interface TouchedRow {
  readonly client_id: string;
  readonly log_position: string;
  readonly customer_id: string;
}

/** Only of what was recorded before its time. */
export interface DueRow {
  readonly client_id: string;
  /** RFC 3339 in UTC with milliseconds. */
  readonly time: string;
  readonly customer_id: string;
  readonly log_position: string;
}

export interface DecisionRow {
  readonly decision_id: string;
  readonly client_id: string;
  readonly log_position: string;
}

/** Rows by the name of their table. */
export interface Rows {
  readonly behaviour_facts: readonly BehaviourRow[];
  readonly order_facts: readonly OrderRow[];
  readonly order_item_facts: readonly OrderItemRow[];
  readonly served_facts: readonly ServedRow[];
  readonly client_facts: readonly ClientRow[];
  readonly messages: readonly MessageRow[];
  /** Whom behaviour touched. */
  readonly touched: readonly TouchedRow[];
  /** Whom recorded answers concern. */
  readonly answered: readonly TouchedRow[];
  readonly due: readonly DueRow[];
  readonly decisions: readonly DecisionRow[];
}

export const noRows: Rows = {
  behaviour_facts: [],
  order_facts: [],
  order_item_facts: [],
  served_facts: [],
  client_facts: [],
  messages: [],
  touched: [],
  answered: [],
  due: [],
  decisions: [],
};

/** What one event becomes in the tables. */
export interface FactRows {
  readonly clientId: string;
  /** Decimal. */
  readonly position: string;
  /** By these its message is known again (see `messageKey`); none for what cannot be sent twice. */
  readonly keys: readonly string[];
  readonly rows: Rows;
}

/** Of the log's record around a fact: what every row repeats. */
export interface Place {
  readonly clientId: string;
  /** Decimal. */
  readonly position: string;
  readonly eventId: string;
  readonly importId: string;
  readonly recordedAt: Date;
}
