// Segment's own engine, asked: one JSON question a line on standard input, one JSON answer a line on standard output.
const { parseFql, validate } = require('@segment/destination-subscriptions')
const { transform } = require('@segment/actions-core/mapping-kit')
const { Destination } = require('@segment/actions-core')
const definition = require('@segment/action-destinations/dist/destinations/accoil-analytics').default

const KEY = { api_key: 'KEY' }
let sent

// Nothing leaves the process: each action hands what it would post to this instead of to the network.
const actions = Object.fromEntries(Object.entries(definition.actions).map(([name, action]) => [name, {
  ...action,
  perform: (_, bundle) => action.perform((url, options) => { sent = options.json }, bundle)
}]))
const destination = new Destination({ ...definition, actions })
const presets = Object.fromEntries(definition.presets.map((preset) => [preset.partnerAction, preset]))

function messages (error) {
  return typeof error[Symbol.iterator] === 'function' ? [...error].map((each) => each.message) : [error.message]
}

function trigger ({ fql, events }) {
  try {
    const ast = parseFql(fql)
    if (ast.error) return { error: ast.error.message }
    return { fires: events.map((event) => validate(ast, event)) }
  } catch (error) { // some texts that the parser lets pass make trees that cannot be run
    return { error: error.message }
  }
}

function mapping ({ mapping, events }) {
  return events.map((event) => {
    try {
      const output = transform(mapping, event)
      return output === undefined ? {} : { output }
    } catch (error) {
      return { error: messages(error) }
    }
  })
}

async function action ({ action, fql, mapping, events }) {
  const answers = []
  for (const event of events) {
    const subscription = mapping === 'preset' ? presets[action] : { subscribe: fql, partnerAction: action, mapping }
    sent = undefined
    try {
      const results = await destination.onEvent(event, { ...KEY, subscription })
      answers.push(sent === undefined ? { output: results.map((result) => result.output) } : { sent })
    } catch (error) {
      answers.push({ error: messages(error) })
    }
  }
  return answers
}

const ask = { trigger, mapping, action }

async function main () {
  for (const line of require('fs').readFileSync(0, 'utf8').split('\n')) {
    if (!line) continue
    const question = JSON.parse(line)
    process.stdout.write(JSON.stringify(await ask[question.ask](question)) + '\n')
  }
}

main()
