// How many calls a second the official engine takes: node speed.js SECONDS < event.json
const { parseFql, validate } = require('@segment/destination-subscriptions')
const { Destination, fieldsToJsonSchema } = require('@segment/actions-core')
const { transform } = require('@segment/actions-core/mapping-kit')
const { validateSchema } = require('@segment/actions-core/schema-validation')
const path = require('path')
const core = path.dirname(require.resolve('@segment/actions-core'))
const { removeEmptyValues } = require(path.join(core, 'remove-empty-values.js'))
const definition = require('@segment/action-destinations/dist/destinations/accoil-analytics').default

const seconds = Number(process.argv[2])
const event = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const preset = definition.presets.find((each) => each.partnerAction === 'identify')
const schema = fieldsToJsonSchema(definition.actions.identify.fields)
const schemaKey = 'Accoil Analytics:Identify'
const ast = parseFql(preset.subscribe)
let seen = 0

function mapped () {
  const payload = removeEmptyValues(transform(preset.mapping, event), schema, true)
  validateSchema(payload, schema, { schemaKey, exempt: ['dynamicAuthSettings'] })
  seen += payload.userId.length
}

function parsedOnce () {
  if (validate(ast, event)) mapped()
}

function parsedEachTime () {
  if (validate(parseFql(preset.subscribe), event)) mapped()
}

function rate (call, seconds) {
  const end = performance.now() + 1000 * seconds
  const begin = performance.now()
  let calls = 0
  while (performance.now() < end) {
    for (let i = 0; i < 500; i++) call()
    calls += 500
  }
  return calls / (performance.now() - begin) * 1000
}

async function wholeRate (seconds) {
  const identify = definition.actions.identify
  const perform = (_, bundle) => identify.perform((url, options) => { seen += options.json.userId.length }, bundle)
  const destination = new Destination({ ...definition, actions: { identify: { ...identify, perform } } })
  const begin = performance.now()
  let calls = 0
  while (performance.now() < begin + 1000 * seconds) {
    for (let i = 0; i < 100; i++) await destination.onEvent(event, { api_key: 'KEY', subscription: preset })
    calls += 100
  }
  return calls / (performance.now() - begin) * 1000
}

async function main () {
  rate(parsedEachTime, 0.5)
  rate(parsedOnce, 0.5)
  const rates = { parsed_once: rate(parsedOnce, seconds), parsed_each_time: rate(parsedEachTime, seconds) }
  await wholeRate(0.3)
  rates.whole = await wholeRate(seconds)
  if (!seen) throw new Error('nothing was mapped')
  process.stdout.write(JSON.stringify(rates))
}

main()
