{{/* Refuses values that the schema cannot judge: combinations. All problems at once, each with what to do. */}}
{{- define "millrace.validate" -}}
{{- $problems := list }}
{{- $values := .Values }}
{{- $hasTls := or $values.tls.certManager.enabled (and $values.tls.coordinatorSecret $values.tls.workerSecret) }}
{{- if and (not $values.insecure) (not $hasTls) }}
{{- $problems = append $problems "TLS is not set up: name tls.coordinatorSecret and tls.workerSecret, or enable tls.certManager" }}
{{- end }}
{{- if and $values.tls.certManager.enabled (not $values.tls.certManager.issuerRef.name) }}
{{- $problems = append $problems "tls.certManager.issuerRef.name is empty: name the issuer of this cluster's certificates" }}
{{- end }}
{{- if and (not $values.insecure) (not $values.auth.existingSecret) }}
{{- $problems = append $problems "auth.existingSecret is empty: name the secret with the tokens of submitters" }}
{{- end }}
{{- if and $values.etcd.trial.enabled $values.etcd.endpoints }}
{{- $problems = append $problems "etcd.endpoints and etcd.trial.enabled are both set: choose one" }}
{{- end }}
{{- if not (or $values.etcd.trial.enabled $values.etcd.endpoints) }}
{{- $problems = append $problems "etcd.endpoints is empty: name host:port of each member, or set etcd.trial.enabled for a trial" }}
{{- end }}
{{- if and $values.etcd.trial.enabled (not $values.insecure) }}
{{- $problems = append $problems "etcd.trial.enabled needs insecure: true, for it is one etcd without TLS: use etcd.endpoints in production" }}
{{- end }}
{{- if and $values.etcd.trial.enabled $values.etcd.tls.existingSecret }}
{{- $problems = append $problems "etcd.tls.existingSecret is set, but the trial etcd has no TLS: remove it" }}
{{- end }}
{{- if and (not $values.insecure) $values.etcd.endpoints (not $values.etcd.tls.existingSecret) }}
{{- $problems = append $problems "etcd.tls.existingSecret is empty: name the secret with ca.crt, tls.crt and tls.key for etcd" }}
{{- end }}
{{- if not $values.objects.bucket }}
{{- $problems = append $problems "objects.bucket is empty: name the bucket for checkpoints" }}
{{- end }}
{{- if and (not $values.objects.existingSecret) (not $values.objects.workloadIdentity) }}
{{- $problems = append $problems "objects.existingSecret is empty: name the secret with the object store's credentials, or set objects.workloadIdentity" }}
{{- end }}
{{- if and (not $values.insecure) (hasPrefix "http://" $values.objects.endpoint) }}
{{- $problems = append $problems "objects.endpoint is plain http: use https" }}
{{- end }}
{{- if and $values.metrics.serviceMonitor.enabled (not $values.metrics.enabled) }}
{{- $problems = append $problems "metrics.serviceMonitor.enabled needs metrics.enabled" }}
{{- end }}
{{- if $problems }}
{{- $advice := ternary "" "\nFor a trial in a cluster of your own: insecure: true (values-trial.yaml)." $values.insecure }}
{{- fail (printf "\n\nThe values of millrace cannot be used:\n  - %s%s\n" (join "\n  - " $problems) $advice) }}
{{- end }}
{{- end }}
