// Puts SQL before Google's own analyzer, set as BigQuery has it, and runs it on Google's reference implementation.
//
// stdin, JSON:
//   tables      [{name, columns: [{name, type}]}]  an empty table; a type as SQL writes it, ARRAY<STRUCT<a INT64>>
//               [{name, query}]                    a table with the columns and rows of a query without tables
//   statements  [{name, sql, run}]                 in their order; run: give the rows too
// A view that a statement makes is a table for those after it; with `run` it has rows.
//
// stdout, JSON: [{name, error}] or [{name, columns: [{name, type}], rows: [[text or null]]}], one a statement.
'use strict';

const { spawn } = require('child_process');
const net = require('net');
const path = require('path');
const { promisify } = require('util');
const modules = process.argv[2];
const grpc = require(path.join(modules, '@grpc/grpc-js'));
const protoLoader = require(path.join(modules, '@grpc/proto-loader'));

const library = path.join(modules, '@fivetrandevelopers/zetasql/lib/zetasql');
const serverName = `remote_server${process.arch.startsWith('arm') ? '_arm' : ''}${process.platform === 'darwin' ? '' : '.so'}`;
// BigQuery counts in microseconds.
const notInBigQuery = new Set(['FEATURE_TIMESTAMP_NANOS']);

async function main() {
  const input = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const port = await freePort();
  const server = spawn(path.join(library, serverName), ['localhost', String(port)], { stdio: ['ignore', 'ignore', 'inherit'] });
  const ended = new Promise((_, reject) => {
    server.on('error', reject);
    server.on('exit', (code, signal) => reject(new Error(`the analyzer ended: ${signal || code}`)));
  });
  try {
    const answers = await Promise.race([answerAll(input, port), ended]);
    process.stdout.write(JSON.stringify(answers));
  } finally {
    ended.catch(() => {});
    server.kill('SIGKILL');
  }
}

async function answerAll(input, port) {
  const analyzer = await connect(port);
  const tables = new Map();
  for (const table of input.tables) {
    const query = table.query || `SELECT ${table.columns.map(({ name, type }) => `CAST(NULL AS ${type}) AS \`${name}\``).join(', ')} LIMIT 0`;
    try {
      const { prepared, content } = await analyzer.evaluateQuery(query, new Map());
      tables.set(table.name, { columns: prepared.columns.map(({ name, type }) => ({ name, type })), content });
    } catch (error) {
      throw new Error(`table ${table.name}: ${error.message}`);
    }
  }
  const answers = [];
  for (const statement of input.statements) {
    try {
      answers.push({ name: statement.name, ...(await answer(analyzer, tables, statement)) });
    } catch (error) {
      answers.push({ name: statement.name, error: error.details || error.message });
    }
  }
  analyzer.close();
  return answers;
}

async function answer(analyzer, tables, { sql, run }) {
  const resolved = (await analyzer.analyze(sql, tables)).resolvedStatement;
  const view = resolved.resolvedCreateStatementNode?.resolvedCreateViewBaseNode?.resolvedCreateViewStmtNode?.parent;
  const outputs = view ? view.outputColumnList : resolved.resolvedQueryStmtNode?.outputColumnList || [];
  const columns = outputs.map(({ name, column }) => ({ name, type: column.type }));
  const content = run ? (await analyzer.evaluateQuery(view ? view.sql : sql, tables)).content : undefined;
  if (view) {
    const name = view.parent.namePath.join('.');
    tables.set(name, { columns, content: content || { tableData: { row: [] } } });
  }
  const rows = content?.tableData.row || [];
  return {
    columns: columns.map(({ name, type }) => ({ name, type: typeName(type) })),
    rows: run ? rows.map(({ cell }) => cell.map(cellText)) : undefined,
  };
}

async function connect(port) {
  const definition = protoLoader.loadSync('local_service.proto', {
    longs: String, enums: String, oneofs: true, includeDirs: [path.join(library, 'protos')],
  });
  const { ZetaSqlLocalService } = grpc.loadPackageDefinition(definition).zetasql.local_service;
  const client = new ZetaSqlLocalService(`localhost:${port}`, grpc.credentials.createInsecure(), {
    'grpc.max_send_message_length': -1, 'grpc.max_receive_message_length': -1,
  });
  await promisify(client.waitForReady.bind(client))(Date.now() + 30000);
  const languageOptions = await promisify(client.getLanguageOptions.bind(client))({ maximumFeatures: true });
  languageOptions.productMode = 'PRODUCT_EXTERNAL';
  languageOptions.reservedKeywords = ['QUALIFY'];
  languageOptions.supportedStatementKinds = [
    'RESOLVED_QUERY_STMT', 'RESOLVED_CREATE_VIEW_STMT', 'RESOLVED_CREATE_TABLE_STMT', 'RESOLVED_CREATE_SCHEMA_STMT',
  ];
  languageOptions.enabledLanguageFeatures = languageOptions.enabledLanguageFeatures.filter(name => !notInBigQuery.has(name));
  const options = { languageOptions, defaultTimezone: 'UTC' };
  // A statement takes with it only the tables that it names: there are thousands.
  const builtinFunctionOptions = { languageOptions };
  const request = (sql, tables) => {
    const named = [...tables].filter(([name]) => sql.includes(`\`${name}\``));
    const table = named.map(([name, { columns }]) => ({ name, column: columns.map(({ name, type }) => ({ name, type })) }));
    return { named, options, simpleCatalog: { name: 'bigquery', builtinFunctionOptions, table } };
  };
  return {
    close: () => client.close(),
    analyze: (sql, tables) => {
      const { options, simpleCatalog } = request(sql, tables);
      return promisify(client.analyze.bind(client))({ sqlStatement: sql, options, simpleCatalog });
    },
    evaluateQuery: (sql, tables) => {
      const { named, options, simpleCatalog } = request(sql, tables);
      const tableContent = Object.fromEntries(named.map(([name, { content }]) => [name, content]));
      return promisify(client.evaluateQuery.bind(client))({ sql, options, simpleCatalog, tableContent });
    },
  };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const listener = net.createServer().on('error', reject).listen(0, 'localhost', () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}

function typeName({ typeKind, arrayType, structType }) {
  if (arrayType) return `ARRAY<${typeName(arrayType.elementType)}>`;
  if (structType) return `STRUCT<${structType.field.map(({ fieldName, fieldType }) => `${fieldName} ${typeName(fieldType)}`).join(', ')}>`;
  return { TYPE_DOUBLE: 'FLOAT64' }[typeKind] || typeKind.replace('TYPE_', '');
}

function cellText(cell) {
  const value = cell[cell.value];
  switch (cell.value) {
    case undefined: return null;
    case 'timestampValue': return new Date(Number(value.seconds || 0) * 1000 + Math.floor((value.nanos || 0) / 1e6)).toISOString();
    case 'dateValue': return new Date(value * 86400000).toISOString().slice(0, 10);
    case 'arrayValue': return JSON.stringify((value.element || []).map(cellText));
    case 'structValue': return JSON.stringify((value.field || []).map(cellText));
    default: return String(value);
  }
}

main().catch(error => {
  console.error(`bq-analyze: ${error.message}`);
  process.exit(1);
});
