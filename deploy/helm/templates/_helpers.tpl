{{- define "study-stats.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "study-stats.fullname" -}}
{{- $name := include "study-stats.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Selector labels of a release's pods; immutable after the first install. */}}
{{- define "study-stats.selector" -}}
app.kubernetes.io/name: {{ include "study-stats.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "study-stats.labels" -}}
{{ include "study-stats.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "study-stats.metadata" -}}
name: {{ include "study-stats.fullname" . }}
namespace: {{ .Release.Namespace }}
labels: {{- include "study-stats.labels" . | nindent 2 }}
{{- end }}
