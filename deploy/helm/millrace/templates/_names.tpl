{{- define "millrace.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Short enough that every name made from it, and every pod's, is a DNS label. */}}
{{- define "millrace.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains (include "millrace.name" .) .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "millrace.name" .) | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "millrace.selectorLabels" -}}
app.kubernetes.io/name: {{ include "millrace.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "millrace.labels" -}}
{{ include "millrace.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* What pod templates carry: what changes with each release of the chart would restart the pods. */}}
{{- define "millrace.podLabels" -}}
{{ include "millrace.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "millrace.image" -}}
{{- $image := .Values.image }}
{{- if $image.digest }}{{ $image.repository }}@{{ $image.digest }}
{{- else }}{{ $image.repository }}:{{ default .Chart.AppVersion $image.tag }}
{{- end }}
{{- end }}

{{- define "millrace.coordinatorAccount" -}}
{{- $account := .Values.serviceAccounts.coordinators }}
{{- if $account.create }}{{ default (printf "%s-coordinator" (include "millrace.fullname" .)) $account.name }}
{{- else }}{{ default "default" $account.name }}
{{- end }}
{{- end }}

{{- define "millrace.workerAccount" -}}
{{- $account := .Values.serviceAccounts.workers }}
{{- if $account.create }}{{ default (printf "%s-worker" (include "millrace.fullname" .)) $account.name }}
{{- else }}{{ default "default" $account.name }}
{{- end }}
{{- end }}

{{/* The domain under which each coordinator has its stable name. */}}
{{- define "millrace.coordinatorDomain" -}}
{{ include "millrace.fullname" . }}-coordinator.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end }}

{{/* All coordinators as host:port, with commas: what workers and clients take. */}}
{{- define "millrace.coordinatorAddresses" -}}
{{- $domain := include "millrace.coordinatorDomain" . }}
{{- $name := include "millrace.fullname" . }}
{{- $addresses := list }}
{{- range $index := until (int .Values.coordinators.replicas) }}
{{- $addresses = append $addresses (printf "%s-coordinator-%d.%s:8471" $name $index $domain) }}
{{- end }}
{{- join "," $addresses }}
{{- end }}

{{- define "millrace.coordinatorTlsSecret" -}}
{{- if .Values.tls.certManager.enabled }}{{ include "millrace.fullname" . }}-coordinator-tls
{{- else }}{{ .Values.tls.coordinatorSecret }}
{{- end }}
{{- end }}

{{- define "millrace.workerTlsSecret" -}}
{{- if .Values.tls.certManager.enabled }}{{ include "millrace.fullname" . }}-worker-tls
{{- else }}{{ .Values.tls.workerSecret }}
{{- end }}
{{- end }}

{{/* The domain of the names in a role's certificate. Takes root and role. */}}
{{- define "millrace.certificateDomain" -}}
{{ include "millrace.fullname" .root }}-{{ .role }}.{{ .root.Release.Namespace }}.svc.{{ .root.Values.clusterDomain }}
{{- end }}

{{/* host:port of each etcd, as a JSON list. */}}
{{- define "millrace.etcdEndpoints" -}}
{{- if .Values.etcd.trial.enabled -}}
{{ list (printf "%s-etcd-trial.%s.svc.%s:2379" (include "millrace.fullname" .) .Release.Namespace .Values.clusterDomain) | toJson }}
{{- else }}{{ .Values.etcd.endpoints | toJson }}
{{- end }}
{{- end }}

{{- define "millrace.metadataUrl" -}}
{{- $scheme := ternary "etcds" "etcd" (not (empty .Values.etcd.tls.existingSecret)) -}}
{{ $scheme }}://{{ join "," (include "millrace.etcdEndpoints" . | fromJsonArray) }}/{{ trimAll "/" .Values.etcd.prefix }}
{{- end }}

{{- define "millrace.objectsUrl" -}}
{{- $objects := .Values.objects }}
{{- $query := list (printf "region=%s" $objects.region) }}
{{- if $objects.endpoint }}{{ $query = append $query (printf "endpoint=%s" $objects.endpoint) }}{{ end }}
{{- if $objects.pathStyle }}{{ $query = append $query "pathStyle=true" }}{{ end -}}
s3://{{ $objects.bucket }}{{ with trimAll "/" $objects.prefix }}/{{ . }}{{ end }}?{{ join "&" $query }}
{{- end }}

{{/* What looks at all that a coordinator needs, from its pod: for the notes. */}}
{{- define "millrace.doctorCommand" -}}
{{- $etcd := .Values.etcd -}}
millrace doctor --metadata '{{ include "millrace.metadataUrl" . }}' \
    --objects '{{ include "millrace.objectsUrl" . }}' \
    --coordinator {{ include "millrace.coordinatorAddresses" . }}
{{- if $etcd.tls.existingSecret }} \
    --etcd-ca /etc/millrace/etcd/ca.crt
{{- if $etcd.tls.clientCertificate }} --etcd-cert /etc/millrace/etcd/tls.crt --etcd-key /etc/millrace/etcd/tls.key{{ end }}
{{- end }}
{{- if include "millrace.coordinatorTlsSecret" . }} \
    --tls-ca /etc/millrace/tls/ca.crt
{{- end }}
{{- end }}
