import { isJsonObject, type Json, type JsonObject } from './json.ts';

/**
 * Resource types that the local stack leaves out, each with its reason. `Ref` and `Fn::GetAtt` of them give ARNs and
 * names of the usual form, so that what refers to them resolves.
 */
export const typesWithoutLocalMeaning: Readonly<Record<string, string>> = {
  'AWS::IAM::Role': 'every call is recorded with its caller; a test evaluates the calls against the policies',
  'AWS::IAM::Policy': 'as roles',
  'AWS::IAM::ManagedPolicy': 'as roles',
  'AWS::Lambda::Permission': 'as roles',
  'AWS::S3::BucketPolicy': 'as roles',
  'AWS::SNS::TopicPolicy': 'as roles',
  'AWS::SQS::QueuePolicy': 'as roles',
  'AWS::KMS::ReplicaKey': 'there is one region',
  'AWS::SecretsManager::ResourcePolicy': 'as roles',
  'AWS::SecretsManager::SecretTargetAttachment': 'the local database is reached by its socket, without a password',
  'AWS::Lambda::EventInvokeConfig': 'asynchronous invocations are tried three times, as without it',
  'AWS::Logs::LogGroup': 'what programs print goes to files in the state folder',
  'AWS::Logs::MetricFilter': 'metrics come from the embedded format',
  'AWS::Logs::QueryDefinition': 'saved queries are for the console',
  'AWS::EC2::VPC': 'one machine has no network of its own',
  'AWS::EC2::Subnet': 'as the VPC',
  'AWS::EC2::RouteTable': 'as the VPC',
  'AWS::EC2::Route': 'as the VPC',
  'AWS::EC2::SubnetRouteTableAssociation': 'as the VPC',
  'AWS::EC2::InternetGateway': 'as the VPC',
  'AWS::EC2::VPCGatewayAttachment': 'as the VPC',
  'AWS::EC2::SecurityGroup': 'as the VPC',
  'AWS::EC2::SecurityGroupIngress': 'as the VPC',
  'AWS::EC2::SecurityGroupEgress': 'as the VPC',
  'AWS::EC2::VPCEndpoint': 'as the VPC',
  'AWS::EC2::FlowLog': 'as the VPC',
  'AWS::RDS::DBSubnetGroup': 'as the VPC',
  'AWS::RDS::DBParameterGroup': 'the embedded server has settings of its own',
  'AWS::ECS::ClusterCapacityProviderAssociations': 'tasks are processes of this machine',
  'AWS::CloudWatch::Alarm': 'metrics are served on /metrics; alarms are set where they are gathered',
  'AWS::CloudWatch::CompositeAlarm': 'as alarms',
  'AWS::CloudWatch::Dashboard': 'the status page takes its place',
  'AWS::CDK::Metadata': 'statistics for the CDK',
  'Custom::VpcRestrictDefaultSG': 'as the VPC',
  'Custom::S3AutoDeleteObjects': 'the store is never emptied by the stack',
  'Custom::LogRetention': 'log files are kept until the state folder is deleted',
};

/** Properties that are left out of types that have a meaning, each with its reason. `A.B` is a part of property `A`. */
export const propertiesWithoutLocalMeaning: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '*': { Tags: 'there is no bill to split' },
  'AWS::Lambda::Function': {
    'Code.S3Bucket': 'assets are read from the assembly',
    Description: 'for the console',
    VpcConfig: 'as the VPC',
    Architectures: 'bundles are JavaScript',
    LoggingConfig: 'what programs print goes to files in the state folder',
    TracingConfig: 'there is no X-Ray here',
    ReservedConcurrentExecutions:
      'a limit on cost and load in an account; here the machine sets one for every function',
    EphemeralStorage: 'the machine has one disk',
    KmsKeyArn: 'environment variables stay in memory',
  },
  'AWS::Lambda::Version': { Description: 'for the console' },
  'AWS::Lambda::Alias': { Description: 'for the console' },
  'AWS::Lambda::Url': {
    Cors: 'browsers reach the function through the local console only',
    InvokeMode: 'responses are buffered',
  },
  'AWS::StepFunctions::StateMachine': {
    LoggingConfiguration: 'the history of every execution is kept in the state folder',
    TracingConfiguration: 'there is no X-Ray here',
    EncryptionConfiguration: 'histories hold ids only',
  },
  'AWS::ECS::Cluster': {
    ClusterSettings: 'for CloudWatch',
    Configuration: 'for commands in running containers, and their logs',
    CapacityProviders: 'tasks are processes of this machine',
    DefaultCapacityProviderStrategy: 'tasks are processes of this machine',
  },
  'AWS::ECS::TaskDefinition': {
    Cpu: 'tasks are processes of this machine',
    Memory: 'tasks are processes of this machine',
    NetworkMode: 'tasks are processes of this machine',
    RequiresCompatibilities: 'tasks are processes of this machine',
    RuntimePlatform: 'tasks are processes of this machine',
    EphemeralStorage: 'the machine has one disk',
    ExecutionRoleArn: 'there is no image to pull',
    Volumes: 'tasks are processes of this machine',
    'ContainerDefinitions.MountPoints': 'tasks are processes of this machine',
    'ContainerDefinitions.VolumesFrom': 'tasks are processes of this machine',
    'ContainerDefinitions.LogConfiguration': 'what tasks print goes to files in the state folder',
    'ContainerDefinitions.LinuxParameters': 'tasks are processes of this machine',
    'ContainerDefinitions.ReadonlyRootFilesystem': 'tasks are processes of this machine',
    'ContainerDefinitions.User': 'tasks run as the user of the stack',
    'ContainerDefinitions.Cpu': 'tasks are processes of this machine',
    'ContainerDefinitions.Memory': 'tasks are processes of this machine',
    'ContainerDefinitions.MemoryReservation': 'tasks are processes of this machine',
    'ContainerDefinitions.Ulimits': 'tasks are processes of this machine',
    'ContainerDefinitions.VersionConsistency': 'there is no image to pull',
    'ContainerDefinitions.Privileged': 'tasks are processes of this machine',
    'ContainerDefinitions.PortMappings': 'tasks listen on nothing',
    'ContainerDefinitions.HealthCheck': 'a task is done when it ends',
  },
  'AWS::Scheduler::Schedule': {
    Description: 'for the console',
    FlexibleTimeWindow: 'the window spreads load over an account; here a schedule fires at its time',
    KmsKeyArn: 'inputs hold ids only',
  },
  'AWS::SNS::Topic': {
    DisplayName: 'for e-mail',
    KmsMasterKeyId: 'messages stay on this machine until they are sent',
    SignatureVersion: 'messages are not signed here',
    TracingConfig: 'there is no X-Ray here',
  },
  'AWS::SNS::Subscription': {
    RawMessageDelivery: 'taken as set',
    DeliveryPolicy: 'a delivery that fails is reported, not repeated',
    RedrivePolicy: "a function's failures go to the function's own queue; any other is reported, not repeated",
  },
  'AWS::SQS::Queue': {
    KmsMasterKeyId: 'messages stay on this machine',
    KmsDataKeyReusePeriodSeconds: 'messages stay on this machine',
    SqsManagedSseEnabled: 'messages stay on this machine',
    MessageRetentionPeriod: 'messages are kept until the state folder is deleted',
    VisibilityTimeout: 'nothing receives from these queues',
    RedrivePolicy: 'nothing receives from these queues',
  },
  'AWS::Events::Rule': {
    Description: 'for the console',
    EventBusName: 'there is one bus',
    'Targets.RoleArn': 'as roles',
    'Targets.DeadLetterConfig': 'a delivery that fails is reported, not repeated',
    'Targets.RetryPolicy': 'a delivery that fails is reported, not repeated',
  },
  'AWS::S3::Bucket': {
    AccessControl: 'the store is a folder of this user',
    BucketEncryption: 'objects are encrypted before they are stored',
    LifecycleConfiguration: 'retention is decided by the catalog; lifecycle rules are its second line on S3',
    LoggingConfiguration: 'for CloudTrail',
    ObjectLockConfiguration: 'a local folder cannot be locked',
    ObjectLockEnabled: 'a local folder cannot be locked',
    OwnershipControls: 'the store is a folder of this user',
    PublicAccessBlockConfiguration: 'the store is a folder of this user',
    VersioningConfiguration: 'keys are write-once',
    InventoryConfigurations: 'for the console',
    MetricsConfigurations: 'for CloudWatch',
    NotificationConfiguration: 'nothing listens to the bucket',
    IntelligentTieringConfigurations: 'a local folder has one tier',
  },
  'AWS::KMS::Key': {
    Description: 'for the console',
    Enabled: 'a local key is enabled as long as its file is there',
    EnableKeyRotation: 'a local key is never rotated by itself',
    RotationPeriodInDays: 'a local key is never rotated by itself',
    KeyPolicy: 'as roles',
    KeySpec: 'symmetric keys only',
    KeyUsage: 'symmetric keys only',
    MultiRegion: 'there is one region',
    PendingWindowInDays: 'a local key is a file',
  },
  'AWS::SecretsManager::Secret': {
    Description: 'for the console',
    KmsKeyId: 'local secrets are files that only this user can read',
    ReplicaRegions: 'there is one region',
    'GenerateSecretString.ExcludeCharacters': 'generated passwords are hexadecimal',
    'GenerateSecretString.ExcludePunctuation': 'generated passwords are hexadecimal',
    'GenerateSecretString.IncludeSpace': 'generated passwords are hexadecimal',
    'GenerateSecretString.RequireEachIncludedType': 'generated passwords are hexadecimal',
    'GenerateSecretString.ExcludeLowercase': 'generated passwords are hexadecimal',
    'GenerateSecretString.ExcludeNumbers': 'generated passwords are hexadecimal',
    'GenerateSecretString.ExcludeUppercase': 'generated passwords are hexadecimal',
  },
  'AWS::RDS::DBInstance': Object.fromEntries(
    [
      'AllocatedStorage',
      'AllowMajorVersionUpgrade',
      'AutoMinorVersionUpgrade',
      'AvailabilityZone',
      'BackupRetentionPeriod',
      'CACertificateIdentifier',
      'CopyTagsToSnapshot',
      'DBInstanceClass',
      'DBParameterGroupName',
      'DBSubnetGroupName',
      'DeleteAutomatedBackups',
      'DeletionProtection',
      'EnableCloudwatchLogsExports',
      'EnableIAMDatabaseAuthentication',
      'EnablePerformanceInsights',
      'EngineVersion',
      'KmsKeyId',
      'ManageMasterUserPassword',
      'MasterUserAuthenticationType',
      'MasterUserPassword',
      'MasterUserSecret',
      'MaxAllocatedStorage',
      'MonitoringInterval',
      'MonitoringRoleArn',
      'MultiAZ',
      'NetworkType',
      'PerformanceInsightsKMSKeyId',
      'PerformanceInsightsRetentionPeriod',
      'PreferredBackupWindow',
      'PreferredMaintenanceWindow',
      'PubliclyAccessible',
      'StorageEncrypted',
      'StorageType',
      'VPCSecurityGroups',
    ].map((property) => [property, 'the embedded server is sized, secured and kept by the local stack']),
  ),
};

/** `properties` of a resource without those that have no meaning here. */
export function withMeaning(type: string, properties: JsonObject): JsonObject {
  const left = { ...propertiesWithoutLocalMeaning['*'], ...propertiesWithoutLocalMeaning[type] };
  return Object.fromEntries(
    Object.entries(properties)
      .filter(([name]) => !(name in left))
      .map(([name, value]) => [name, without(value, name, left)]),
  );
}

function without(value: Json, path: string, left: Readonly<Record<string, string>>): Json {
  if (Array.isArray(value)) return value.map((item: Json) => without(item, path, left));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, inner, `${path}.${name}`] as const);
  return Object.fromEntries(
    entries.filter(([, , at]) => !(at in left)).map(([name, inner, at]) => [name, without(inner, at, left)]),
  );
}
