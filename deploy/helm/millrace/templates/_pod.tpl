{{/* What every pod has: no identity towards Kubernetes, not root, the default system calls. */}}
{{- define "millrace.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: {{ .Values.podSecurity.user }}
  runAsGroup: {{ .Values.podSecurity.group }}
  fsGroup: {{ .Values.podSecurity.group }}
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "millrace.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* Where a pod runs. Takes root, spec (values of coordinators or workers) and component. */}}
{{- define "millrace.placement" -}}
{{- with .spec.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .spec.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .spec.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .spec.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: {{ .spec.spreadOverNodes }}
    labelSelector:
      matchLabels:
        {{- include "millrace.selectorLabels" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* The gRPC health service listens on loopback only, and so the probe runs in the container. */}}
{{- define "millrace.probes" -}}
{{- $probes := .Values.probes }}
{{- $timeoutMs := mul 1000 (sub (int $probes.timeoutSeconds) 2) -}}
startupProbe:
  exec:
    command: [millrace, health, --port, "8473", --timeout, {{ $timeoutMs | quote }}, --live]
  periodSeconds: 5
  timeoutSeconds: {{ $probes.timeoutSeconds }}
  failureThreshold: {{ max 1 (div (int $probes.startupSeconds) 5) }}
livenessProbe:
  exec:
    command: [millrace, health, --port, "8473", --timeout, {{ $timeoutMs | quote }}, --live]
  periodSeconds: {{ $probes.periodSeconds }}
  timeoutSeconds: {{ $probes.timeoutSeconds }}
  failureThreshold: {{ $probes.failureThreshold }}
readinessProbe:
  exec:
    command: [millrace, health, --port, "8473", --timeout, {{ $timeoutMs | quote }}]
  periodSeconds: {{ $probes.periodSeconds }}
  timeoutSeconds: {{ $probes.timeoutSeconds }}
  failureThreshold: {{ $probes.failureThreshold }}
{{- end }}

{{/* The flags of both processes. Takes root, tlsSecret and hasTokens: whether the process is asked by strangers. */}}
{{- define "millrace.sharedArgs" -}}
{{- $root := .root -}}
- --data
- /data
- --objects
- {{ include "millrace.objectsUrl" $root | quote }}
- --health-port
- "8473"
{{- if $root.Values.metrics.enabled }}
- --metrics-host
- 0.0.0.0
- --metrics-port
- {{ $root.Values.metrics.port | quote }}
{{- end }}
{{- if .tlsSecret }}
- --tls-cert
- /etc/millrace/tls/tls.crt
- --tls-key
- /etc/millrace/tls/tls.key
- --tls-ca
- /etc/millrace/tls/ca.crt
{{- end }}
{{- if and .hasTokens $root.Values.auth.existingSecret }}
- --tokens
- /etc/millrace/auth/tokens.json
{{- end }}
{{- if $root.Values.insecure }}
- --allow-insecure
{{- end }}
{{- end }}

{{/* Credentials of the object store. Takes root and secret. */}}
{{- define "millrace.objectsEnv" -}}
{{- $objects := .root.Values.objects -}}
- name: AWS_REGION
  value: {{ $objects.region | quote }}
{{- if .secret }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ $objects.accessKeyIdKey }}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ $objects.secretAccessKeyKey }}
{{- end }}
{{- if $objects.caSecret }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/millrace/objects/ca.crt
{{- end }}
{{- end }}

{{- define "millrace.sharedMounts" -}}
- name: data
  mountPath: /data
- name: tmp
  mountPath: /tmp
{{- if .tlsSecret }}
- name: tls
  mountPath: /etc/millrace/tls
  readOnly: true
{{- end }}
{{- if and .hasTokens .root.Values.auth.existingSecret }}
- name: tokens
  mountPath: /etc/millrace/auth
  readOnly: true
{{- end }}
{{- if .root.Values.objects.caSecret }}
- name: objects-ca
  mountPath: /etc/millrace/objects
  readOnly: true
{{- end }}
{{- end }}

{{/* Takes root, spec, tlsSecret and hasTokens. */}}
{{- define "millrace.sharedVolumes" -}}
- name: data
  emptyDir:
    sizeLimit: {{ .spec.dataSize }}
- name: tmp
  emptyDir:
    sizeLimit: {{ .spec.tmpSize }}
{{- if .tlsSecret }}
- name: tls
  secret:
    secretName: {{ .tlsSecret }}
    defaultMode: 0440
{{- end }}
{{- if and .hasTokens .root.Values.auth.existingSecret }}
- name: tokens
  secret:
    secretName: {{ .root.Values.auth.existingSecret }}
    defaultMode: 0440
    items:
      - { key: {{ .root.Values.auth.key }}, path: tokens.json }
{{- end }}
{{- with .root.Values.objects.caSecret }}
- name: objects-ca
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      - { key: ca.crt, path: ca.crt }
{{- end }}
{{- end }}
