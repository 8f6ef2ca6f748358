/** What one request may ask at most: depth and cost of its query, counted before anything runs. */
import type { ApolloServerPlugin } from '@apollo/server';
import {
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { pageSizeMax } from './connection.js';

/** The deepest query: fields within fields. Introspection has the depth that the known tools ask. */
export const depthMax = 12;
export const introspectionDepthMax = 20;
/** One per field, times the page's size below a list; questions to the tables cost `tableQuestionCost` each. */
export const costMax = 25_000;
export const tableQuestionCost = 500;
/** The longest query, in tokens. */
export const queryTokensMax = 10_000;

const tableQuestions = new Set(['segmentPreview', 'customers', 'customerSummary', 'explainDecision', 'previewDecision']);

export interface QueryCost {
  readonly depth: number;
  readonly cost: number;
}

/**
 * Depth and cost of an operation; each fragment is counted once and remembered, so that fragments of fragments cannot make the counting dear.
 * Introspection counts for depth only, within its own limit. Expects a validated document: fragments exist and make no circle.
 */
export function costOf(
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
  variables: Readonly<Record<string, unknown>>,
): QueryCost {
  const known = new Map<string, QueryCost>();

  const ofSelections = (set: SelectionSetNode | undefined): QueryCost => {
    let depth = 0;
    let cost = 0;
    for (const selection of set?.selections ?? []) {
      const inner =
        selection.kind === Kind.FIELD
          ? ofField(selection)
          : selection.kind === Kind.INLINE_FRAGMENT
            ? ofSelections(selection.selectionSet)
            : ofFragment(selection.name.value);
      depth = Math.max(depth, inner.depth);
      cost += inner.cost;
    }
    return { depth, cost };
  };

  const ofField = (field: FieldNode): QueryCost => {
    const inner = ofSelections(field.selectionSet);
    if (field.name.value.startsWith('__')) {
      const over = inner.depth + 1 - introspectionDepthMax;
      return { depth: over > 0 ? depthMax + over : 1, cost: 1 };
    }
    const own = 1 + (tableQuestions.has(field.name.value) ? tableQuestionCost : 0);
    return { depth: inner.depth + 1, cost: own + inner.cost * pageFactor(field, variables) };
  };

  const ofFragment = (name: string): QueryCost => {
    const found = known.get(name) ?? ofSelections(fragments.get(name)?.selectionSet);
    known.set(name, found);
    return found;
  };

  return ofSelections(operation.selectionSet);
}

/** How often what stands below a field comes: the page's size where `first` is given, 50 where a list is taken by default. */
function pageFactor(field: FieldNode, variables: Readonly<Record<string, unknown>>): number {
  const isConnection = (field.selectionSet?.selections ?? []).some((inner) => inner.kind === Kind.FIELD && inner.name.value === 'edges');
  const first = field.arguments?.find((argument) => argument.name.value === 'first');
  if (first === undefined) return isConnection ? 50 : 1;
  const asked = givenValue(first.value, variables);
  return typeof asked === 'number' && asked >= 0 ? Math.min(Math.max(asked, 1), pageSizeMax) : 50;
}

function givenValue(node: ValueNode, variables: Readonly<Record<string, unknown>>): unknown {
  if (node.kind === Kind.VARIABLE) return variables[node.name.value];
  return node.kind === Kind.INT ? Number(node.value) : undefined;
}

function defaultsOf(operation: OperationDefinitionNode): Record<string, unknown> {
  const defaults = (operation.variableDefinitions ?? []).map(({ variable, defaultValue }) => [
    variable.name.value,
    defaultValue === undefined ? undefined : givenValue(defaultValue, {}),
  ]);
  return Object.fromEntries(defaults);
}

/** Refuses what is past the limits, with QUERY_TOO_DEEP or QUERY_TOO_COSTLY, as a 400. */
export const limits: ApolloServerPlugin = {
  async requestDidStart() {
    return {
      async didResolveOperation({ document, operation, request }) {
        const fragments = new Map<string, FragmentDefinitionNode>();
        for (const definition of document.definitions) {
          if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
        }
        if (operation === undefined) return;
        const { depth, cost } = costOf(operation, fragments, { ...defaultsOf(operation), ...request.variables });
        if (depth > depthMax) throw refusal('QUERY_TOO_DEEP', `a query has at most ${depthMax} levels`);
        if (cost > costMax)
          throw refusal('QUERY_TOO_COSTLY', `this query costs ${cost}, at most ${costMax} is taken: ask for smaller pages`);
      },
    };
  },
};

// Without a status Apollo would answer 500 for an error thrown here.
function refusal(code: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { code, http: { status: 400 } } });
}
