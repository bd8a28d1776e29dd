// Starts Swagger UI on the document that the page names, with what a console needs and the stock page lacks.
'use strict';
{
  const mount = document.getElementById('swagger-ui');
  const filter = document.getElementById('operation-filter');

  // Swagger UI fills every parameter that has an example into the form, optional ones too, and the request would
  // carry a filter, a version or a page marker that nobody asked for. The example moves to the description instead.
  const withoutOptionalExamples = (document) => {
    const resolve = (schema) => schema.$ref?.startsWith('#/')
      ? resolve(schema.$ref.slice(2).split('/').reduce((node, key) => node[key.replaceAll('~1', '/').replaceAll('~0', '~')], document))
      : schema;
    const isOptionalParameter = (node) =>
      typeof node.in === 'string' && typeof node.name === 'string' && node.schema && !node.required;
    const moved = (parameter) => {
      const {example: ofSchema, ...schema} = resolve(parameter.schema);
      const {example = ofSchema, ...rest} = parameter;
      const hint = example === undefined || example === '' ? '' : `\n\nFor example \`${example}\``;
      return {...rest, schema, description: (parameter.description ?? '') + hint};
    };
    const walk = (node) => {
      if (Array.isArray(node)) {
        return node.map(walk);
      }
      if (node === null || typeof node !== 'object') {
        return node;
      }
      if (isOptionalParameter(node)) {
        return moved(node);
      }
      return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, walk(value)]));
    };
    return walk(document);
  };

  // The first paragraph says what an API is for; the rest would push its operations out of sight, so it folds.
  const withFoldedDescription = (document) => {
    const [first, ...rest] = (document.info.description ?? '').split(/\n\s*\n/);
    if (rest.length === 0) {
      return document;
    }
    const description = `${first}\n\n<details><summary>How this API works</summary>\n\n${rest.join('\n\n')}\n\n</details>`;
    return {...document, info: {...document.info, description}};
  };

  // The stock filter looks at tags only; ours at the path, the method, the summary and the tag.
  const matching = (taggedOperations, phrase) => {
    const words = phrase.toLowerCase().split(/\s+/);
    const says = (tag, entry) => {
      const text = [tag, entry.get('method'), entry.get('path'), entry.getIn(['operation', 'summary'], '')].join(' ').toLowerCase();
      return words.every((word) => text.includes(word));
    };
    return taggedOperations
      .map((group, tag) => group.update('operations', (entries) => entries.filter((entry) => says(tag, entry))))
      .filter((group) => group.get('operations').size > 0);
  };

  const plugin = () => ({
    components: {FilterContainer: () => null}, // the page has its own field
    fn: {opsFilter: matching},
    statePlugins: {
      spec: {wrapActions: {updateJsonSpec: (update) => (document) => update(withFoldedDescription(withoutOptionalExamples(document)))}},
    },
  });

  const ui = SwaggerUIBundle({
    url: mount.dataset.document,
    domNode: mount,
    presets: [SwaggerUIBundle.presets.apis],
    plugins: [plugin],
    validatorUrl: null,
    deepLinking: true,
    filter: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    requestSnippetsEnabled: true,
    requestSnippets: {defaultExpanded: false}, // the answer comes first
    persistAuthorization: true,
    syntaxHighlight: {theme: 'obsidian'}, // its colours have the contrast that small print needs
    defaultModelsExpandDepth: 0,
    defaultModelExpandDepth: 3,
  });

  filter.addEventListener('input', () => ui.layoutActions.updateFilter(filter.value.trim() || true));
  addEventListener('keydown', (event) => {
    const typing = event.target.closest('input, textarea, select, [contenteditable]');
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      filter.focus();
    }
  });
}
