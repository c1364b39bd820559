"""What an operator watches: readiness, measures for Prometheus, traces for OpenTelemetry."""
