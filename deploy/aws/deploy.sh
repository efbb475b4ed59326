#!/usr/bin/env bash
# Builds the image of the checked-out commit, pushes the image, creates or updates the stacks of the
# registry and of the service, waits for both, and prints the URL of the service.
#
#     deploy/aws/deploy.sh [PARAMETER=VALUE]...
#
# The parameters are defined in service.yaml. The first deployment needs VpcId, PublicSubnets,
# PrivateSubnets and AllowedCidr; in a later deployment, omitted parameters keep their values.
# Environment: STACK (study-stats), REPOSITORY (study-stats), ARCH (x86_64, or arm64), and the
# variables of the AWS CLI.
set -euo pipefail
cd "$(dirname "$0")/../.."

stack=${STACK:-study-stats}
repository=${REPOSITORY:-study-stats}
images=/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default

fail() {
    printf 'deploy: %s\n' "$@" >&2
    exit 1
}

# given NAME: prints the value of parameter NAME from the arguments, or nothing.
given() {
    local argument
    for argument in "${arguments[@]}"; do
        if [[ $argument == "$1="* ]]; then echo "${argument#*=}"; fi
    done
}

# described QUERY: prints a value from the description of the stack, or nothing without a stack.
described() {
    aws cloudformation describe-stacks --stack-name "$stack" --query "Stacks[0].$1" --output text 2>/dev/null || true
}

# Reports missing tools and parameters before the build.
check_tools() {
    command -v aws >/dev/null || fail 'there is no aws; install the AWS CLI, version 2'
    command -v docker >/dev/null || fail 'there is no docker; install it'
    docker version >/dev/null 2>&1 || fail 'no Docker engine answers; start it, or join its group'
    account=$(aws sts get-caller-identity --query Account --output text 2>/dev/null) ||
        fail 'AWS takes no credentials from here; run aws configure, or set AWS_PROFILE'
    region=${AWS_REGION:-${AWS_DEFAULT_REGION:-$(aws configure get region 2>/dev/null || true)}}
    [[ -n $region ]] || fail 'no region is set; set AWS_REGION'
    export AWS_REGION=$region
}

# A tag is a commit: uncommitted changes would run under the tag of another state.
check_commit() {
    tag=$(git rev-parse --short=12 HEAD 2>/dev/null) || fail 'this is no git repository; the tag is its commit'
    [[ -z $(git status --porcelain) ]] || fail "there are changes beside commit $tag; commit or stash them"
}

check_parameters() {
    local argument known name
    known=$(sed -nE '/^Parameters:/,/^Conditions:/s/^  ([A-Za-z]+):$/\1/p' deploy/aws/service.yaml)
    for argument in "${arguments[@]}"; do
        name=${argument%%=*}
        [[ $argument == *=* ]] || fail "what is $argument? Parameters are given as NAME=VALUE"
        [[ $name != @(Tag|Repository|ImageId) ]] || fail "$name is set by this script: see its first lines"
        grep -qx "$name" <<<"$known" || fail "service.yaml has no parameter $name"
    done
    if ! status=$(aws cloudformation describe-stacks --stack-name "$stack" --query 'Stacks[0].StackStatus' --output text 2>&1); then
        [[ $status == *'does not exist'* ]] || fail "$status"
        status=
    fi
    [[ $status != ROLLBACK_COMPLETE ]] ||
        fail "stack $stack could not be created before; when you know why: aws cloudformation delete-stack --stack-name $stack"
    if [[ -z $status ]]; then
        for name in VpcId PublicSubnets PrivateSubnets AllowedCidr; do
            [[ -n $(given "$name") ]] || fail "stack $stack is new and needs $name=..."
        done
    fi
    for name in PublicSubnets PrivateSubnets; do
        [[ -z $(given "$name") || $(given "$name") == *,* ]] || fail "$name must be in two zones or more: one,two"
    done
    [[ -z $(given CacheShards)$(given CacheReplicas) || -n $(given CacheShards) && -n $(given CacheReplicas) ]] ||
        fail 'give CacheShards and CacheReplicas together'
}

# cache_nodes SHARDS REPLICAS: prints the ids of the cache's nodes, as AWS numbers the nodes.
cache_nodes() {
    local shard node names=()
    for ((shard = 1; shard <= $1; shard++)); do
        for ((node = 1; node <= $2 + 1; node++)); do
            if (($1 == 1)); then names+=("$(printf %03d "$node")"); else names+=("$(printf %04d-%03d "$shard" "$node")"); fi
        done
    done
    (IFS=,; echo "${names[*]}")
}

push_image() {
    local image=$account.dkr.ecr.$region.amazonaws.com/$repository:$tag platform=linux/amd64
    if aws ecr describe-images --repository-name "$repository" --image-ids "imageTag=$tag" >/dev/null 2>&1; then
        echo "deploy: $image is there already"
        return
    fi
    [[ $arch == x86_64 ]] || platform=linux/arm64
    aws ecr get-login-password | docker login --username AWS --password-stdin "${image%%/*}"
    docker build --platform "$platform" --tag "$image" .
    docker push "$image"
}

# deploy_stack NAME TEMPLATE PARAMETER...: creates or updates the stack, and waits.
deploy_stack() {
    aws cloudformation deploy --stack-name "$1" --template-file "deploy/aws/$2" --no-fail-on-empty-changeset \
        --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --parameter-overrides "${@:3}" && return
    aws cloudformation describe-stack-events --stack-name "$1" --output text \
        --query "StackEvents[?contains(ResourceStatus, 'FAILED')].[Timestamp,LogicalResourceId,ResourceStatusReason]" >&2 || true
    fail "stack $1 failed, and went back to what it was; its events are above"
}

arguments=("$@")
check_tools
check_commit
check_parameters

# Changes the architecture only on request.
arch=$(described "Parameters[?ParameterKey=='ImageId'].ParameterValue | [0]")
arch=${ARCH:-${arch##*-default-}}
[[ -n $arch && $arch != None ]] || arch=x86_64
[[ $arch == @(x86_64|arm64) ]] || fail "ARCH is x86_64 or arm64, not $arch"
if [[ -n $(given CacheShards) && -z $(given CacheNodes) ]]; then
    arguments+=("CacheNodes=$(cache_nodes "$(given CacheShards)" "$(given CacheReplicas)")")
fi

deploy_stack "$repository-registry" registry.yaml "Repository=$repository"
push_image
deploy_stack "$stack" service.yaml "Tag=$tag" "Repository=$repository" "ImageId=$images-$arch" "${arguments[@]}"
echo "deploy: $tag runs at $(described "Outputs[?OutputKey=='Url'].OutputValue | [0]")"
