// A parent and its child, sent by one of OpenTelemetry's own exporters.
import { context, trace } from "@opentelemetry/api";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const [encoding, url, session, authorization] = process.argv.slice(2);
const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${encoding}`);
const exporter = new OTLPTraceExporter({ url, headers: { Authorization: authorization } });
const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
const tracer = provider.getTracer("clients");
const attributes = { "langfuse.session.id": session, "langfuse.trace.tags": ["a", "b,c"] };

const turn = tracer.startSpan("turn", { attributes });
tracer.startSpan("work", { attributes }, trace.setSpan(context.active(), turn)).end();
turn.end();
await provider.forceFlush();
await provider.shutdown();
