import { Module } from '@nestjs/common';
import { MessagesController } from './messages.controller.js';
import { MessagesService } from './messages.service.js';
import { SubmissionViews } from './submission-views.service.js';
import { SubmissionsService } from './submissions.service.js';

@Module({
  controllers: [MessagesController],
  providers: [SubmissionsService, MessagesService, SubmissionViews],
  exports: [SubmissionsService],
})
export class SubmissionsModule {}
